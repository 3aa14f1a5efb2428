// SetForwardingPipelineConfig and GetForwardingPipelineConfig (P4Runtime specification, sections 14 and 15).
import { status } from "@grpc/grpc-js";
import { P4Info } from "@sluice/proto/p4info";
import {
  SetForwardingPipelineConfigRequest_Action as Action,
  type ForwardingPipelineConfig,
  GetForwardingPipelineConfigRequest_ResponseType as ResponseType,
} from "@sluice/proto/p4runtime";
import { type Pipeline, type PipelineAction, StatusError, type SwitchControl } from "../control_port.js";

/** What a switch runs, or is about to run, as its controllers gave it. */
export class PipelineConfig {
  readonly #control: SwitchControl;
  /** what packets run through */
  #committed: ForwardingPipelineConfig | undefined;
  /** what VERIFY_AND_SAVE left for COMMIT */
  #saved: ForwardingPipelineConfig | undefined;

  constructor(control: SwitchControl) {
    this.#control = control;
  }

  /** @throws StatusError FAILED_PRECONDITION when no pipeline was set yet */
  check(): void {
    if ((this.#saved ?? this.#committed) === undefined) {
      throw new StatusError(
        status.FAILED_PRECONDITION,
        "there is no pipeline yet (call SetForwardingPipelineConfig first)",
      );
    }
  }

  /** @throws StatusError INVALID_ARGUMENT, NOT_FOUND, UNIMPLEMENTED; nothing has changed then */
  async set(action: Action, config: ForwardingPipelineConfig | undefined): Promise<void> {
    switch (action) {
      case Action.VERIFY:
        await this.#run("verify", given(action, config));
        break;
      case Action.VERIFY_AND_SAVE:
        await this.#run("save", given(action, config));
        this.#saved = config;
        break;
      case Action.VERIFY_AND_COMMIT:
        await this.#run("install", given(action, config));
        this.#commit(config);
        break;
      case Action.COMMIT:
        await this.#commitSaved(config);
        break;
      case Action.RECONCILE_AND_COMMIT:
        await this.#reconcile(given(action, config));
        this.#commit(config);
        break;
      default:
        throw new StatusError(
          status.INVALID_ARGUMENT,
          `action ${action} is not one of VERIFY … RECONCILE_AND_COMMIT`,
        );
    }
  }

  #run(action: PipelineAction, { p4info, p4DeviceConfig }: Given): Promise<void> {
    const pipeline: Pipeline = { p4info, deviceConfig: p4DeviceConfig };
    return this.#control.setPipeline(action, pipeline);
  }

  #commit(config: ForwardingPipelineConfig | undefined): void {
    this.#committed = config;
    this.#saved = undefined;
  }

  async #commitSaved(config: ForwardingPipelineConfig | undefined): Promise<void> {
    if (config !== undefined) {
      throw new StatusError(
        status.INVALID_ARGUMENT,
        "COMMIT takes the saved config; it must not be given another",
      );
    }
    if (this.#saved === undefined) {
      throw new StatusError(status.NOT_FOUND, "COMMIT: no config was saved (VERIFY_AND_SAVE comes first)");
    }
    await this.#control.setPipeline("commit");
    this.#commit(this.#saved);
  }

  /** Entries are kept where they mean the same: the P4Info is equal. */
  async #reconcile(config: Given): Promise<void> {
    if (this.#saved !== undefined) {
      throw new StatusError(
        status.UNIMPLEMENTED,
        "RECONCILE_AND_COMMIT while a saved config waits: COMMIT it first, or VERIFY_AND_COMMIT this one",
      );
    }
    const now = this.#committed;
    if (now?.p4info === undefined) {
      await this.#run("install", config);
      return;
    }
    if (!equal(P4Info.encode(now.p4info).finish(), P4Info.encode(config.p4info).finish())) {
      throw new StatusError(
        status.UNIMPLEMENTED,
        "RECONCILE_AND_COMMIT with another P4Info (use VERIFY_AND_COMMIT, which clears the tables)",
      );
    }
    if (!equal(now.p4DeviceConfig, config.p4DeviceConfig)) {
      await this.#run("reconcile", config);
    }
  }

  /** @returns undefined when no pipeline was set yet: the response's `config` is unset then (section 15) */
  get(type: ResponseType): ForwardingPipelineConfig | undefined {
    const config = this.#saved ?? this.#committed;
    if (config === undefined) return undefined;
    const withP4Info = type === ResponseType.ALL || type === ResponseType.P4INFO_AND_COOKIE;
    const withDeviceConfig = type === ResponseType.ALL || type === ResponseType.DEVICE_CONFIG_AND_COOKIE;
    return {
      p4info: withP4Info ? config.p4info : undefined,
      p4DeviceConfig: withDeviceConfig ? config.p4DeviceConfig : new Uint8Array(),
      cookie: config.cookie,
    };
  }
}

type Given = ForwardingPipelineConfig & { p4info: P4Info };

function given(action: Action, config: ForwardingPipelineConfig | undefined): Given {
  if (config?.p4info === undefined || config.p4DeviceConfig.length === 0) {
    throw new StatusError(
      status.INVALID_ARGUMENT,
      `${Action[action]}: the config must have both a P4Info and a p4_device_config`,
    );
  }
  return config as Given;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
