// A test double of the data plane's socket: it speaks the framing and answers as it is told. Protocol tests only.
import { createServer, type Server, type Socket } from "node:net";
import { DataplaneRequest, DataplaneResponse } from "@sluice/proto/ld-dataplane";
import { FrameReader, frame } from "../src/framing.js";

type Request = NonNullable<DataplaneRequest["request"]>;
export type Answer = (request: Request, socket: Socket) => void;

/** A framed answer. */
export function response(fields: Partial<DataplaneResponse>): Uint8Array {
  return frame(DataplaneResponse.encode({ code: 0, message: "", response: undefined, ...fields }).finish());
}

export class FakeDataplane {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly requests: Request[] = [];
  answer: Answer;

  private constructor(answer: Answer) {
    this.answer = answer;
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      const reader = new FrameReader();
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("data", (chunk) => {
        for (const message of reader.push(chunk)) {
          const { request } = DataplaneRequest.decode(message);
          this.requests.push(request!);
          this.answer(request!, socket);
        }
      });
    });
  }

  static async listen(path: string, answer: Answer): Promise<FakeDataplane> {
    const fake = new FakeDataplane(answer);
    await new Promise<void>((resolve) => fake.#server.listen(path, resolve));
    return fake;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Dies as a killed process does: connections cut, nobody listening. */
  async die(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await closed;
  }
}
