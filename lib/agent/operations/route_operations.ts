/**
 * What may be asked of a running agent about networks behind members, done.
 * @module
 */

import type { ExitReport, RouteChoice, RouteControl, RouteReport } from "../../api/mod.ts";
import type { MemberRecord, NodeId } from "../../mesh/mod.ts";
import { Cidr } from "../../net/mod.ts";
import type { Agent } from "../agent.ts";
import { InvalidRequestError } from "../errors.ts";
import { hasPacketPlane } from "../plain_devices.ts";
import type { KnownRoute } from "../routes/mod.ts";
import { asOperator, leaderPart, memberOf } from "./membership_operations.ts";

/** What is meant where several lead to one network. */
const FITTING = {
  approve: ["offered", "rejected"],
  reject: ["offered", "approved"],
  remove: ["offered", "approved", "withdrawn"],
} as const satisfies Record<string, readonly KnownRoute["state"][]>;

/** @returns the operations about routes, as `agent` does them */
export function routeOperations(agent: Agent): RouteControl {
  const { mesh, routes } = agent;

  const reportOf = (prefix: Cidr, nodeId: NodeId, gone?: KnownRoute): RouteReport => {
    routes.follow();
    const route = routes.book.routes.find((other) =>
      other.prefix.equals(prefix) && other.owner?.nodeId === nodeId
    );
    const known = route ?? gone;
    if (known === undefined) {
      throw new InvalidRequestError(`Cannot find the route ${prefix}: it has just gone`);
    }
    return routes.report(known);
  };

  const decide = (given: RouteChoice, rejected: boolean): RouteReport => {
    leaderPart(mesh, mesh.admission);
    const route = chosen(given, rejected ? "reject" : "approve");
    const { prefix, owner, masquerade } = route;
    if (owner === undefined) throw noMember(prefix);
    asOperator(mesh, () => routes.acts.decide(prefix, owner, { masquerade, rejected }));
    return reportOf(prefix, owner.nodeId);
  };

  return {
    listRoutes: () => routes.reports(),

    addRoute({ network, via, masquerade = true }) {
      const prefix = parsed(network);
      const problem = routes.book.problem(prefix);
      if (problem !== undefined) throw new InvalidRequestError(`Cannot lead to ${prefix}: ${problem}`);
      const member = via === undefined ? undefined : memberOf(agent, via).record;
      const isSelf = member === undefined || member.nodeId === mesh.identity.id;
      const owner = isSelf ? mesh.record : member;
      if (isSelf) requirePlane(agent.status().dataplane.kind !== "rootless", owner, prefix);
      else {
        leaderPart(mesh, mesh.admission);
        requirePlane(hasPacketPlane(memberOf(agent, owner.nodeId)), owner, prefix);
      }
      const device = devices().find(({ allowedIps }) => allowedIps.some((other) => other.equals(prefix)));
      if (device !== undefined) {
        throw new InvalidRequestError(`Cannot lead to ${prefix}: it is behind ${device.name} already`);
      }
      if (prefix.prefixBits === 0 && !masquerade) {
        throw new InvalidRequestError(
          "Cannot make an exit without masquerading: answers would not come back",
        );
      }
      if (isSelf) routes.acts.offer(prefix, masquerade);
      if (mesh.role === "leader") {
        asOperator(mesh, () => routes.acts.decide(prefix, owner, { masquerade, rejected: false }));
      }
      return reportOf(prefix, owner.nodeId);
    },

    exitStatus: exitReport,

    useExit({ node, blocksLan = false }) {
      const { record } = memberOf(agent, node);
      const what = `Cannot send everything through ${record.name}`;
      if (agent.status().dataplane.kind === "rootless") {
        throw new InvalidRequestError(`${what}: this node has no interface`, {
          hint: "Start it as root and without --rootless.",
        });
      }
      if (record.nodeId === mesh.identity.id) {
        throw new InvalidRequestError(`${what}: it is this node itself`);
      }
      const exits = routes.book.approved.filter(({ prefix }) => prefix.prefixBits === 0);
      if (exits.some(({ owner }) => owner.nodeId === mesh.identity.id)) {
        throw new InvalidRequestError(`${what}: this node is an exit itself`, {
          hint: "`weft route remove 0.0.0.0/0` and `weft route remove ::/0` end that.",
        });
      }
      if (!exits.some(({ owner }) => owner.nodeId === record.nodeId)) {
        throw new InvalidRequestError(`${what}: no leader has approved it as an exit`, {
          hint: `\`weft exit offer\` on it, and \`weft route approve 0.0.0.0/0 ${record.name}\` on a leader.`,
        });
      }
      routes.exit.choose(record, blocksLan);
      try {
        routes.follow();
      } catch (error) {
        routes.exit.forget();
        throw error;
      }
      return exitReport();
    },

    leaveExit() {
      routes.exit.forget();
      routes.follow();
      return exitReport();
    },

    approveRoute: (given) => decide(given, false),
    rejectRoute: (given) => decide(given, true),

    removeRoute(given) {
      const route = chosen(given, "remove");
      const { prefix, owner, signedId } = route;
      const isSelf = owner?.nodeId === mesh.identity.id;
      if (isSelf) routes.acts.withdraw(prefix);
      else leaderPart(mesh, mesh.admission);
      const now = isSelf ? find(prefix, owner.nodeId) : route;
      if (mesh.role === "leader" && now?.decision !== undefined) {
        asOperator(mesh, () => routes.acts.remove(now));
      }
      routes.follow();
      return reportOf(prefix, owner?.nodeId ?? signedId, { ...route, state: "withdrawn" });
    },
  };

  function exitReport(): ExitReport {
    const { chosen, exit } = routes.exit;
    const problem = routes.exitProblem();
    return {
      node: chosen === undefined
        ? null
        : exit?.name ?? mesh.roster.recordById(chosen.nodeId)?.name ?? chosen.nodeId,
      blocksLan: chosen?.blocksLan ?? false,
      families: routes.exit.families(),
      ...problem !== undefined && { problem },
    };
  }

  function devices(): readonly MemberRecord[] {
    return [...mesh.roster.liveRecords()].filter(({ allowedIps }) => allowedIps.length > 0);
  }

  function find(prefix: Cidr, nodeId: NodeId): KnownRoute | undefined {
    return routes.book.routes.find((route) => route.prefix.equals(prefix) && route.owner?.nodeId === nodeId);
  }

  function chosen({ network, node }: RouteChoice, what: keyof typeof FITTING): KnownRoute {
    const prefix = parsed(network);
    const nodeId = node === undefined ? undefined : agent.members.find(node);
    const known = routes.book.routes.filter((route) =>
      route.prefix.equals(prefix) &&
      (node === undefined || (nodeId !== undefined && route.owner?.nodeId === nodeId))
    );
    const fitting = known.filter(({ state }) => (FITTING[what] as readonly string[]).includes(state));
    const there = fitting.length > 0 ? fitting : known;
    // Who names nobody means itself first.
    const own = node === undefined
      ? there.find(({ owner }) => owner?.nodeId === mesh.identity.id)
      : undefined;
    const [only, ...others] = own !== undefined && what === "remove" ? [own] : there;
    if (only === undefined) {
      throw new InvalidRequestError(
        `Cannot ${what} the route ${prefix}: ${node === undefined ? "nobody offers it" : `${node} has none`}`,
        { hint: "`weft route list` shows all." },
      );
    }
    if (others.length === 0) return only;
    const names = there.map(({ owner, signedId }) => owner?.name ?? signedId).join(" and ");
    throw new InvalidRequestError(`Cannot ${what} the route ${prefix}: ${names} lead there`, {
      hint: `Name one, as in \`weft route ${what} ${prefix} ${there[0]?.owner?.name ?? "NODE"}\`.`,
    });
  }
}

function parsed(text: string): Cidr {
  const prefix = Cidr.parse(text);
  if (prefix !== undefined) return prefix;
  throw new InvalidRequestError(`Cannot lead to ${JSON.stringify(text)}: that is no network`, {
    hint: "Write 192.168.50.0/24 or fd00:50::/64.",
  });
}

function requirePlane(has: boolean, { name }: MemberRecord, prefix: Cidr): void {
  if (has) return;
  throw new InvalidRequestError(`Cannot lead to ${prefix} by ${name}: it has no interface`, {
    hint: "A router runs weft, and without --rootless.",
  });
}

function noMember(prefix: Cidr): InvalidRequestError {
  return new InvalidRequestError(`Cannot decide on ${prefix}: whoever offered it is no member any more`);
}
