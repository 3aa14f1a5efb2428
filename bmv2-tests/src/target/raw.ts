// The P4Runtime calls that tests need and the controller's client by names does not have: action profiles, and one cell of a
// counter with millions of them.
import { credentials } from "@grpc/grpc-js";
import type { CounterValue } from "@sluice/controller/p4runtime";
import {
  type Entity,
  P4RuntimeClient,
  ReadRequest,
  type ReadResponse,
  type Update,
  Update_Type,
  WriteRequest,
} from "@sluice/proto/p4runtime";
import { DEVICE_ID } from "./target.js";

export type EntityKind = NonNullable<Entity["entity"]>;
export type Change = "insert" | "modify" | "delete";

const TYPES = { insert: Update_Type.INSERT, modify: Update_Type.MODIFY, delete: Update_Type.DELETE } as const;

export class Raw {
  readonly #stub: P4RuntimeClient;
  readonly #electionId: bigint;

  /** @param electionId - that of the primary, whose stream is open */
  constructor(address: string, electionId: bigint) {
    this.#stub = new P4RuntimeClient(address, credentials.createInsecure());
    this.#electionId = electionId;
  }

  /** Writes entities as they are, in this order. */
  async write(type: Change, ...entities: EntityKind[]): Promise<void> {
    const updates: Update[] = entities.map((entity) => ({ type: TYPES[type], entity: { entity } }));
    const request = WriteRequest.fromPartial({
      deviceId: DEVICE_ID,
      electionId: { high: 0n, low: this.#electionId },
      updates,
    });
    await new Promise<void>((resolve, reject) => {
      this.#stub.write(request, (error: Error | null) => (error ? reject(error) : resolve()));
    });
  }

  async readCell(counterId: number, index: number): Promise<CounterValue> {
    const request = ReadRequest.fromPartial({
      deviceId: DEVICE_ID,
      entities: [
        { entity: { $case: "counterEntry", value: { counterId, index: { index: BigInt(index) } } } },
      ],
    });
    const answers: ReadResponse[] = [];
    await new Promise<void>((resolve, reject) => {
      this.#stub
        .read(request)
        .on("data", (answer: ReadResponse) => answers.push(answer))
        .on("error", reject)
        .on("end", () => resolve());
    });
    const entity = answers.flatMap(({ entities }) => entities)[0]?.entity;
    if (entity?.$case !== "counterEntry") throw new Error(`no cell ${index} of counter ${counterId}`);
    return { packets: entity.value.data?.packetCount ?? 0n, bytes: entity.value.data?.byteCount ?? 0n };
  }

  close(): void {
    this.#stub.close();
  }
}
