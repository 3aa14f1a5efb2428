// The last test of a file: tshark decodes all its frames.
import { test } from "vitest";
import type { Gateway } from "./gateway.js";
import { describeFrame, hex } from "./packet/index.js";
import { askTshark, isTsharkOnPath } from "./packet/tshark.js";

/** Declares the test. Frames that are wrong on purpose are not shown to tshark; what a good frame causes is. */
export function tsharkDecodesAll(gateway: () => Gateway): void {
  test("tshark decodes every good frame of this file, and what came of it, without complaint", (context) => {
    if (!isTsharkOnPath()) {
      console.log("skipped: tshark is not on PATH");
      context.skip();
    }
    const frames = [...new Map(gateway().goodFrames.map((frame) => [hex(frame), frame])).values()];
    if (frames.length === 0) throw new Error("this file built no frame");
    const { complaints } = askTshark(frames);
    if (complaints.length > 0) {
      const shown = complaints.map(({ frame, messages }) => `${messages}\n${describeFrame(frames[frame]!)}`);
      throw new Error(
        `tshark complains of ${complaints.length} of ${frames.length} frames:\n${shown.join("\n")}`,
      );
    }
  });
}
