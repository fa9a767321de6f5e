/**
 * The collections and queues of the mesh, for one command.
 * @module
 */

import { WeftError } from "../../../base/mod.ts";
import type { DataClient, DataFailureCode } from "../../../data/mod.ts";
import type { QueryError } from "../../../query/mod.ts";
import { DEFAULT_TIMEOUT_MS } from "../../../service/bounds.ts";
import type { MemberInfo, ServiceReport } from "../../../service/mod.ts";
import { CommandError } from "../../failure.ts";
import type { CliPorts } from "../../ports.ts";
import { SlowNotice } from "../../slow_notice.ts";
import { type AnyCommand, runWithOptions } from "../../weft_command.ts";

/** What a command has of the mesh. */
export interface AttachedData {
  readonly client: DataClient;
  /** All services that the agent knows. */
  services(): Promise<readonly ServiceReport[]>;
  /** All members of the network. */
  members(): Promise<readonly MemberInfo[]>;
  /** Tells a person of the first answer that takes long. */
  readonly notice: SlowNotice;
}

const QUERY_HINT = "As in: select id, total from orders where total > 100 sort-by total descending limit 10";
const AGAIN_HINT = "Try again in a moment.";

/** @returns who owns a collection or queue: in one line, and each by itself; several where servers keep it */
export function ownersOf(
  providers: readonly { readonly name: string }[],
): { readonly owner: string; readonly owners: readonly string[] } {
  const owners = providers.map(({ name }) => name).sort();
  return { owner: owners.join(", "), owners };
}

/**
 * Called when a node has nothing of that name to be forgotten.
 * @param path of the service by which its owner offers it
 * @throws CommandError when somebody else owns it
 */
export async function checkNotOthers(
  { services }: Pick<AttachedData, "services">,
  what: string,
  path: string,
): Promise<void> {
  const { owner } = ownersOf((await services()).find((service) => service.path === path)?.providers ?? []);
  if (owner === "") return;
  throw new CommandError(`Cannot forget ${what}: it is owned by ${owner}`, { hint: HINTS.NotOwner });
}

/** What to do about a failure that does not say it itself; what the owner's says does not come with its answer. */
const HINTS: Readonly<Record<DataFailureCode | QueryError["code"], string>> = {
  InvalidCollection:
    "`weft data show` tells what it is, `weft data status` which servers there are; a name is a letter, then letters, digits, _ and -.",
  UnknownCollection: "`weft data list` shows all; `weft data create` makes one.",
  OwnerAway:
    "`weft data list` and `weft queue list` show all, and who owns them; `weft peers` shows who answers.",
  NotOwner: "Run it on the node that owns it: `weft data list` and `weft queue list` show which that is.",
  InvalidKey: "`weft data list` shows which property holds the key.",
  InvalidValue: "Values are objects in JSON, with the property that holds the key.",
  TooLarge: "Write or ask for less at once.",
  NotFound: "`weft data query` and `weft data export` show what is there.",
  AlreadyExists: "Without --new it is replaced.",
  Conflict: "Somebody was faster: `weft data get` shows what is there now, with --json its revision.",
  Locked: AGAIN_HINT,
  Query: QUERY_HINT,
  InvalidQuery: QUERY_HINT,
  TooMuchWork: "Compare a property with an index, or ask for less by `limit`.",
  DiskFull: "Make room on the disk of the node that owns it.",
  Compacted: "Read anew: the changes since then are not kept any more.",
  TooOld: "`weft peers` shows whether the node that owns it answers.",
  WatchTooSlow: "Go on with --after and the last revision that was printed.",
  TooManyWatches: "End another watch first.",
  SchemaChanged: "Use the program's version that has the collection's schema.",
  InvalidQueue:
    "A name is a letter, then letters, digits, _ and -; `weft help queue create` shows the limits.",
  UnknownQueue: "`weft queue list` shows all; `weft queue create` makes one.",
  QueueFull: "`weft queue show` shows how many it has; dead letters count, too.",
  LeaseLost: "It comes again; a longer --lease of `weft queue create` gives workers more time.",
  TooManyWorkers: "`weft queue show` shows how much work there is.",
  Refused:
    "`weft grant list` and `weft policy explain` say what a member may do; the owner's --read and --write, too.",
  Timeout: "Try again in a moment; what was written may be there.",
  OutcomeUnknown: "Look whether it was written.",
  Moved: AGAIN_HINT,
  SpansShards: "Do it for each shard by itself: `weft data shards` lists them.",
  Sealed: "`weft data show` tells whose members can read the values.",
  Failed: "`weft logs` on the node that owns it may say more.",
};

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
    const notice = new SlowNotice(ports, options);
    await using stack = new AsyncDisposableStack();
    const attached = await (await ports.loadAgent()).attach(stateDir);
    stack.defer(() => attached.stop());
    const client = new DataClient({
      request: (path, params, options) =>
        notice.during(`an answer of ${ownedName(path)}`, attached.request(path, params, options), {
          boundMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
        }),
      ...{ clock: systemClock, timers: systemTimers, random: systemRandom },
    });
    const services = () =>
      attached.request<readonly ServiceReport[]>("$registry/list", {}, { idempotent: true });
    try {
      await run({ client, services, members: () => attached.members(), notice }, args, options);
    } catch (error) {
      if (!(error instanceof WeftError) || error.hint !== undefined) throw error;
      const hint = HINTS[error.code as keyof typeof HINTS];
      if (error instanceof DataError) {
        const { code, message, revision } = error;
        throw new DataError(code, message, { hint, cause: error, revision });
      }
      throw error.code === "Query" ? new CommandError(error.message, { hint, cause: error }) : error;
    }
  });
}

/** @returns the collection or queue that a path belongs to, as in `data/orders/get` */
function ownedName(path: string): string {
  return path.split("/")[1] ?? path;
}
