// Callers of streams who leave before anything has begun: nothing goes on for them.
import { EventEmitter } from "node:events";
import type { ServerWritableStream } from "@grpc/grpc-js";
import { CaptureBatch } from "@sluice/proto/ld";
import pino from "pino";
import { describe, expect, it } from "vitest";
import { ldAgentService, type ServiceOptions } from "../src/service.js";

const BATCHES = 100;

/** A caller who reads all that comes, until they leave. */
class Caller extends EventEmitter {
  readonly request = {};
  cancelled = false;
  written = 0;

  write(): boolean {
    this.written++;
    return !this.cancelled;
  }

  end(): void {}

  leave(): void {
    this.cancelled = true;
    this.emit("cancelled");
  }

  get call(): ServerWritableStream<never, never> {
    return this as unknown as ServerWritableStream<never, never>;
  }
}

/** A connection that is there when `opened` says so; what is closed before is not closed. */
function slowConnection(opened: Promise<void>) {
  const seen = { over: false };
  const connection = {
    async *capture() {
      try {
        await opened;
        for (let i = 0; i < BATCHES; i++) yield CaptureBatch.fromPartial({});
      } finally {
        seen.over = true;
      }
    },
    close() {},
  };
  return { connection, seen };
}

const service = (options: Partial<Record<keyof ServiceOptions, unknown>>) =>
  ldAgentService({ logger: pino({ level: "silent" }), ...options } as unknown as ServiceOptions);

describe("a caller who leaves", () => {
  it("while the data plane is being connected to gets nothing, and nothing is captured", async () => {
    const caller = new Caller();
    let open = () => {};
    const { connection, seen } = slowConnection(
      new Promise((resolve) => {
        open = resolve;
      }),
    );
    service({ openOwn: () => connection }).capture(caller.call);
    caller.leave();
    open();
    await expect.poll(() => seen.over).toBe(true);
    expect(caller.written).toBe(0);
  });

  it("before the call is served gets nothing, and nothing is captured", async () => {
    const caller = new Caller();
    const { connection, seen } = slowConnection(Promise.resolve());
    caller.leave();
    service({ openOwn: () => connection }).capture(caller.call);
    await expect.poll(() => seen.over).toBe(true);
    expect(caller.written).toBe(0);
  });

  it("before the call is served is not told of the status", () => {
    const caller = new Caller();
    let listeners = 0;
    const feed = {
      current: {},
      subscribe() {
        listeners++;
        return () => listeners--;
      },
    };
    caller.leave();
    service({ feed }).watchStatus(caller.call);
    expect(listeners).toBe(0);
  });
});
