// Which controller is primary (P4Runtime specification, sections 5.3 and 5.4). Knows nothing of gRPC streams.
//
// Only the default role exists: it has the whole pipeline (section 5.1).
import { status } from "@grpc/grpc-js";
import type { MasterArbitrationUpdate, Uint128 } from "@sluice/proto/p4runtime";
import { StatusError } from "../control_port.js";

/** A controller's stream, as the arbiter sees it. */
export interface Controller {
  /** May {@link Arbiter.leave} meanwhile; it is told nothing after that. */
  notify(update: MasterArbitrationUpdate): void;
}

const ALL_64 = 0xffff_ffff_ffff_ffffn;

function toInteger(id: Uint128): bigint {
  return (id.high << 64n) | id.low;
}

export class Arbiter {
  /** Live controllers; undefined: it sent no election id and never becomes primary (section 16.2, "Unset Election ID"). */
  readonly #electionIds = new Map<Controller, bigint | undefined>();
  /** The highest election id ever seen. */
  #highest: bigint | undefined;
  #primary: Controller | undefined;
  /** Has won, and waits until the writes of the one before are done. */
  #successor: Controller | undefined;
  #writesInFlight = 0;

  constructor(readonly deviceId: bigint) {}

  get primary(): Controller | undefined {
    return this.#primary;
  }

  /**
   * A controller's MasterArbitrationUpdate: its first one, or one with which it changes its election id.
   *
   * @throws StatusError: the controller's stream is to end with it
   */
  arbitrate(controller: Controller, update: MasterArbitrationUpdate): void {
    const isNew = !this.#electionIds.has(controller);
    this.#check(update, isNew);
    const electionId = update.electionId === undefined ? undefined : toInteger(update.electionId);
    if (electionId !== undefined) {
      for (const [other, used] of this.#electionIds) {
        if (other !== controller && used === electionId) {
          throw new StatusError(
            status.INVALID_ARGUMENT,
            `election id ${electionId} is used by another controller (take one of your own)`,
          );
        }
      }
    }
    this.#electionIds.set(controller, electionId);
    if (electionId !== undefined && (this.#highest === undefined || electionId >= this.#highest)) {
      this.#highest = electionId;
      this.#succeed(controller);
    } else if (this.#stepDown(controller)) {
      this.#notifyAll();
    } else {
      this.#notify(controller);
    }
  }

  #check(update: MasterArbitrationUpdate, isNew: boolean): void {
    if (update.deviceId !== this.deviceId) {
      throw new StatusError(
        isNew ? status.NOT_FOUND : status.FAILED_PRECONDITION,
        `device ${update.deviceId}: this is device ${this.deviceId}`,
      );
    }
    const name = update.role?.name ?? "";
    if (name !== "" || (update.role?.id ?? 0n) !== 0n) {
      throw new StatusError(
        isNew ? status.UNIMPLEMENTED : status.FAILED_PRECONDITION,
        `role "${name || update.role?.id}": only the default role is supported (leave the role out)`,
      );
    }
    if (update.role?.config !== undefined) {
      throw new StatusError(status.INVALID_ARGUMENT, "the default role has no configuration");
    }
  }

  /** The steps of section 5.3 for a new primary, or the same one once more. */
  #succeed(controller: Controller): void {
    if (this.#writesInFlight === 0) {
      this.#primary = controller;
      this.#successor = undefined;
      this.#notifyAll();
      return;
    }
    this.#primary = undefined; // no write is accepted until those that were started are done
    this.#successor = controller;
    for (const other of this.#electionIds.keys()) {
      if (other !== controller) this.#notify(other);
    }
  }

  #stepDown(controller: Controller): boolean {
    if (controller !== this.#primary && controller !== this.#successor) return false;
    this.#primary = undefined;
    this.#successor = undefined;
    return true;
  }

  /** A controller's stream has ended. */
  leave(controller: Controller): void {
    if (this.#electionIds.delete(controller) && this.#stepDown(controller)) {
      this.#notifyAll();
    }
  }

  #notifyAll(): void {
    for (const controller of [...this.#electionIds.keys()]) this.#notify(controller);
  }

  #notify(controller: Controller): void {
    const highest = this.#highest;
    controller.notify({
      deviceId: this.deviceId,
      role: undefined,
      electionId: highest === undefined ? undefined : { high: highest >> 64n, low: highest & ALL_64 },
      status: { ...this.#standing(controller), details: [] },
    });
  }

  #standing(controller: Controller): { code: number; message: string } {
    if (controller === this.#primary) return { code: status.OK, message: "you are primary" };
    if (this.#primary === undefined && this.#successor === undefined) {
      return { code: status.NOT_FOUND, message: "there is no primary" };
    }
    return { code: status.ALREADY_EXISTS, message: "another controller is primary" };
  }

  /**
   * Runs a change of the switch in the name of its primary, and holds back the next primary until it is done.
   *
   * @throws StatusError in the order of section 12: NOT_FOUND (device, role), PERMISSION_DENIED (not the primary)
   */
  async asPrimary<T>(
    from: { deviceId: bigint; role: string; roleId: bigint; electionId: Uint128 | undefined },
    change: () => Promise<T>,
  ): Promise<T> {
    checkDevice(this.deviceId, from.deviceId);
    checkRole(from.role, from.roleId);
    const electionId = from.electionId === undefined ? undefined : toInteger(from.electionId);
    const primaryId = this.#primary === undefined ? undefined : this.#electionIds.get(this.#primary);
    if (electionId === undefined || electionId !== primaryId) {
      throw new StatusError(
        status.PERMISSION_DENIED,
        primaryId === undefined
          ? "there is no primary (open a StreamChannel and send a MasterArbitrationUpdate first)"
          : `election id ${electionId ?? "(none)"} is not the primary's`,
      );
    }
    this.#writesInFlight++;
    try {
      return await change();
    } finally {
      this.#writesInFlight--;
      if (this.#writesInFlight === 0 && this.#successor !== undefined) {
        this.#primary = this.#successor;
        this.#successor = undefined;
        this.#notify(this.#primary);
      }
    }
  }
}

/** @throws StatusError NOT_FOUND */
export function checkDevice(own: bigint, asked: bigint): void {
  if (asked !== own) {
    throw new StatusError(status.NOT_FOUND, `device ${asked}: this is device ${own}`);
  }
}

/** @throws StatusError NOT_FOUND */
export function checkRole(role: string, roleId = 0n): void {
  if (role !== "" || roleId !== 0n) {
    throw new StatusError(
      status.NOT_FOUND,
      `role "${role || roleId}": only the default role exists (leave the role out)`,
    );
  }
}
