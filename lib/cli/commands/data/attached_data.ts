/**
 * The collections and queues of the mesh, for one command.
 * @module
 */

import type { DataClient } from "../../../data/mod.ts";
import type { MemberInfo, ServiceReport } from "../../../service/mod.ts";
import type { CliPorts } from "../../ports.ts";
import { type AnyCommand, runWithOptions } from "../../weft_command.ts";

/** What a command has of the mesh. */
export interface AttachedData {
  readonly client: DataClient;
  /** All services that the agent knows. */
  services(): Promise<readonly ServiceReport[]>;
  /** All members of the network. */
  members(): Promise<readonly MemberInfo[]>;
}

/** What to do about a failure that does not say it itself. */
const HINTS: ReadonlyMap<string, string> = new Map([
  ["UnknownCollection", "`weft data list` shows all; `weft data create` makes one."],
  [
    "OwnerAway",
    "`weft data list` and `weft queue list` show all, and who owns them; `weft peers` shows who answers.",
  ],
  ["NotFound", "`weft data query` and `weft data export` show what is there."],
  ["AlreadyExists", "Without --new it is replaced."],
  ["Conflict", "Somebody was faster: `weft data get` shows what is there now, with --json its revision."],
  ["InvalidKey", "`weft data list` shows which property holds the key."],
  ["InvalidValue", "Values are objects in JSON, with the property that holds the key."],
  ["InvalidQuery", "As in: select id, total from orders where total > 100 sort-by total descending limit 10"],
  [
    "Refused",
    "`weft grant list` and `weft policy explain` say what a member may do; the owner's --read and --write, too.",
  ],
  ["UnknownQueue", "`weft queue list` shows all; `weft queue create` makes one."],
  ["InvalidQueue", "`weft help queue create` shows what there is to say."],
  ["QueueFull", "`weft queue show` shows how many it has; dead letters count, too."],
  ["TooManyWorkers", "`weft queue show` shows how much work there is."],
  ["Timeout", "Try again in a moment; what was written may be there."],
  ["OutcomeUnknown", "Look whether it was written."],
]);

/** Makes a command work with the collections of the mesh, by the running agent. */
export function runWithData(
  command: AnyCommand,
  ports: CliPorts,
  run: (
    data: AttachedData,
    args: readonly string[],
    options: Readonly<Record<string, unknown>>,
  ) => Promise<void>,
): void {
  runWithOptions(command, ports, async ({ stateDir }, args, options) => {
    const [{ DataClient, DataError }, { systemClock, systemRandom, systemTimers }] = await Promise.all([
      import("../../../data/mod.ts"),
      import("../../../host/mod.ts"),
    ]);
    await using stack = new AsyncDisposableStack();
    const attached = await (await ports.loadAgent()).attach(stateDir);
    stack.defer(() => attached.stop());
    const client = new DataClient({
      request: (path, params, options) => attached.request(path, params, options),
      ...{ clock: systemClock, timers: systemTimers, random: systemRandom },
    });
    const services = () =>
      attached.request<readonly ServiceReport[]>("$registry/list", {}, { idempotent: true });
    try {
      await run({ client, services, members: () => attached.members() }, args, options);
    } catch (error) {
      if (!(error instanceof DataError) || error.hint !== undefined) throw error;
      const { code, message, revision } = error;
      const hint = HINTS.get(code) ?? `The code is ${code}.`;
      throw new DataError(code, message, { hint, cause: error, revision });
    }
  });
}
