/**
 * Why a member is reached, or is not: what has to hold, one step after the other, and which step is the first that does not.
 *
 *     name → address → member → path → policy → offer → health → services
 *
 * @module
 */

import { shellWord } from "../../../base/mod.ts";
import type { PeerReport } from "../../../api/mod.ts";
import { nearest } from "../../../config/mod.ts";
import { Cidr, IpAddress } from "../../../net/mod.ts";
import type { ServiceReport } from "../../../service/mod.ts";
import { counted, formatRtt, formatSpan, wayText } from "../../output/mod.ts";
import type { Explanation, ExplanationFacts, ExplanationStep } from "./explanation_facts.ts";
import { offerStep } from "./offer_step.ts";
import { routeStep } from "./route_step.ts";

/** @returns the steps, and the first that is broken */
export function explain(facts: ExplanationFacts): Explanation {
  const { member, route, status, text } = facts;
  const name = "name" in member ? member.name : null;
  const peer = status.peers.find((each) => each.name === (name ?? route?.node));
  const done = (steps: readonly ExplanationStep[]): Explanation => {
    const broken = steps.find(({ state }) => state === "broken")?.step ?? null;
    const by = route === undefined ? {} : { by: route.node };
    return { name: name ?? text, ...by, isReachable: broken === null, broken, steps };
  };
  if (route !== undefined && (route.use === "here" || peer === undefined)) {
    return done([routeStep(text, route)]);
  }
  if (name !== null && name === status.node.name) {
    const addresses = status.node.addresses.join(", ");
    return done([nameStep(facts, name, status.node.addresses), {
      step: "member",
      state: "ok",
      detail: `${name} is this node itself, ${status.node.role}, ${addresses}`,
    }]);
  }
  if (peer === undefined) return done([nameStep(facts, name, []), memberStep(facts, undefined)]);
  return done([
    nameStep(facts, name, peer.addresses),
    addressStep(facts, peer),
    memberStep(facts, peer),
    pathStep(facts, peer),
    policyStep(facts, peer),
    ...offerStep(facts, peer),
    healthStep(facts, peer),
    ...route === undefined ? [servicesStep(facts, peer)] : [],
  ]);
}

function nameStep(
  { text, status, resolved, hostAddresses, member, route }: ExplanationFacts,
  name: string | null,
  addresses: readonly string[],
): ExplanationStep {
  const step = "name";
  if (route !== undefined) return routeStep(text, route);
  if ("problem" in member) {
    return { step, state: "broken", detail: member.problem, hint: member.hint ?? "`weft peers` lists all." };
  }
  if (name === null) {
    const meant = nearest(text, [status.node.name, ...status.peers.map((peer) => peer.name)]);
    return {
      step,
      state: "broken",
      detail: `no member is called ${text}`,
      hint: meant === undefined ? "`weft peers` lists all members." : `Did you mean ${meant}?`,
    };
  }
  if (IpAddress.parse(text) !== undefined) {
    return { step, state: "ok", detail: `${text} is an address of ${name}` };
  }
  const { dns } = status;
  if (dns === undefined) {
    return {
      step,
      state: "warning",
      detail: "this node serves no names: commands of weft know the name, other programs do not",
      hint: "`weft config set dns on && weft reload` has it serve them.",
    };
  }
  const zone = dns.zone.replace(/\.$/, "");
  if (resolved !== undefined && resolved.answers.length === 0) {
    return {
      step,
      state: "broken",
      detail: `this node's name server answers ${resolved.code} for ${text}`,
      hint: `Write the whole name, ${name}.${zone}; a policy may hide names, too: \`weft policy show\`.`,
    };
  }
  const told = hostAddresses?.filter((address) => IpAddress.parse(address)?.family === 4);
  if (told !== undefined && !told.some((address) => addresses.includes(address))) {
    const what = told.length === 0 ? "do not find it" : `are told ${told[0]}, which is not this member`;
    return {
      step,
      state: "warning",
      detail: `this node answers for ${name}.${zone}, but programs of this host ${what}`,
      hint: dns.hint ??
        (dns.resolver === "off"
          ? "The host's resolver does not ask here: `weft config set dns-resolver auto && weft reload`."
          : `Something else answers first: look at /etc/hosts and /etc/resolv.conf, or write ${name}.${zone}.`),
    };
  }
  return { step, state: "ok", detail: `${text} is ${name}.${zone}, which this node answers` };
}

function addressStep(
  { status, route, routedBy, text }: ExplanationFacts,
  { addresses: own, hub }: PeerReport,
): ExplanationStep {
  const step = "address";
  const addresses = route === undefined ? own : [text];
  const detail = addresses.join(", ") || "it has none";
  const { interfaceName } = status.dataplane;
  if (interfaceName === undefined) {
    return {
      step,
      state: "ok",
      detail: `${detail}; this node is rootless, and reaches it by channels alone`,
    };
  }
  const within = Cidr.parse(route === undefined ? status.network.cidr : route.network);
  // Who goes out by an exit does so by a table of its own.
  const isInside = route?.isExit !== true && addresses.some((each) => {
    const address = IpAddress.parse(each);
    return address !== undefined && within?.contains(address);
  });
  if (routedBy !== undefined && routedBy !== interfaceName && isInside) {
    return {
      step,
      state: "broken",
      detail: `${detail}, which this host sends to ${routedBy}, not to ${interfaceName}`,
      hint: `\`ip route get ${
        addresses[0]
      }\` shows the route that is more specific; remove it, or the VPN that made it.`,
    };
  }
  const by = hub === undefined ? interfaceName : `${interfaceName}, through ${hub ?? "nobody"}`;
  return { step, state: "ok", detail: `${detail}, by ${by}` };
}

function memberStep({ text, status }: ExplanationFacts, peer: PeerReport | undefined): ExplanationStep {
  const step = "member";
  if (peer === undefined) {
    return {
      step,
      state: "skipped",
      detail: `${status.network.members} members are known, and ${text} is none of them`,
      hint: "`weft token create` lets one in; one that waits is let in by `weft peer approve`.",
    };
  }
  const { roles, version, system, isAway, lastSeenMs, hub } = peer;
  const runs = [version && `weft ${version}`, system].filter(Boolean).join(" on ");
  const detail = [roles.join(", "), runs].filter(Boolean).join(", ");
  if (hub === null) {
    return {
      step,
      state: "broken",
      detail: `${detail}: the member that passes its packets on is gone`,
      hint: `\`weft peer hub ${peer.name} NODE\` on a leader chooses another one.`,
    };
  }
  if (isAway) {
    const when = lastSeenMs === undefined
      ? "nobody has heard of it yet"
      : `it was last heard of at ${new Date(lastSeenMs).toISOString()}`;
    return {
      step,
      state: "warning",
      detail: `${detail}; ${when}`,
      hint: "It may be switched off: look whether weft runs there.",
    };
  }
  return { step, state: "ok", detail };
}

function pathStep({ status }: ExplanationFacts, peer: PeerReport): ExplanationStep {
  const step = "path";
  const { way, name, hub, endpoint, lastHandshakeAgeMs } = peer;
  const port = status.node.listenPort;
  const handshake = lastHandshakeAgeMs === null
    ? "no handshake yet"
    : `handshake ${formatSpan(lastHandshakeAgeMs)} ago`;
  if (way === undefined) {
    const by = typeof hub === "string" ? `through ${hub}` : endpoint ?? "no endpoint is known";
    const isKnown = typeof hub === "string" || endpoint !== undefined;
    if (isKnown) return { step, state: "ok", detail: `${by}, ${handshake}` };
    return {
      step,
      state: "broken",
      detail: by,
      hint: `A plain device has to send first: give it this node's address and port ${port}.`,
    };
  }
  const rtt = way.rttMs === null ? "" : `, ${formatRtt(way.rttMs)}`;
  const mtu = way.mtuBytes === undefined ? "" : `, MTU ${way.mtuBytes}`;
  const detail = `${wayText(way, name)}${rtt}${mtu}, ${handshake}`;
  const more = way.why === undefined ? {} : { more: [`not direct: ${way.why}`] };
  if (way.kind === "direct") return { step, state: "ok", detail };
  if (way.kind === "relay" || way.kind === "carrier") return { step, state: "ok", detail, ...more };
  const isUnmeant = way.problem === "rootless-here" || way.problem === "rootless-there";
  if (way.kind === "channel") {
    const what = "calls and forwarded connections arrive, packets do not";
    if (isUnmeant || way.problem === "unused") {
      return { step, state: "ok", detail: `${wayText(way, name)}: ${way.why ?? what}` };
    }
    return {
      step,
      state: "broken",
      detail: `${wayText(way, name)}: ${what}`,
      ...more,
      hint: wayHint(way.problem, port),
    };
  }
  if (way.problem === "unused" && peer.channel === "open") {
    return { step, state: "ok", detail: "nothing was to be sent to it yet", ...more };
  }
  return {
    step,
    state: "broken",
    detail: `no way was found: ${way.why ?? way.problem ?? "it does not answer"}`,
    hint: wayHint(way.problem, port),
  };
}

function wayHint(problem: NonNullable<PeerReport["way"]>["problem"], port: number): string {
  if (problem === "udp-silent") {
    return `Let UDP out from port ${port} and its answers in; \`weft netcheck\` tells more.`;
  }
  if (problem === "nat-varies") return "Run `weft config set relay on` on a member that both can reach.";
  if (problem === "no-endpoint") return "Tell where it is, there: `weft config set endpoint ADDRESS:PORT`.";
  if (problem === "searching") return "Its endpoints are being tried: ask again in some seconds.";
  return `Look whether weft runs there, and whether UDP and TCP port ${port} are open between both.`;
}

function policyStep({ policy, target }: ExplanationFacts, { name }: PeerReport): ExplanationStep {
  const step = "policy";
  if (policy === undefined) return { step, state: "ok", detail: "no policy is in force: all passes" };
  const { there, back } = policy;
  if ("problem" in there) {
    return {
      step,
      state: "skipped",
      detail: there.problem,
      ...there.hint !== undefined && { hint: there.hint },
    };
  }
  const answers = [there, ..."problem" in back ? [] : [back]];
  const more = answers.map(({ message }) => message);
  const denied = answers.find(({ isAllowed }) => !isAllowed);
  const stale = [...new Set(answers.flatMap((each) => each.stale))];
  if (!there.isAllowed) {
    return {
      step,
      state: "broken",
      detail: `${there.source} may not reach ${there.destination}: ${there.rule}`,
      hint: `\`weft policy explain ${shellWord(there.source)} ${
        shellWord(there.destination)
      }\` shows all rules that were asked; a leader changes them.`,
      more,
    };
  }
  if (denied !== undefined) {
    return {
      step,
      state: "warning",
      detail: `this node reaches ${name}, but not the other way round: ${denied.rule}`,
      hint: `\`weft policy explain ${shellWord(denied.source)} ${
        shellWord(denied.destination)
      }\` shows all rules that were asked.`,
      more,
    };
  }
  if (stale.length > 0) {
    return {
      step,
      state: "warning",
      detail: `it passes, but ${stale.join(", ")} ${
        stale.length === 1 ? "enforces" : "enforce"
      } another revision still`,
      hint: "`weft policy show` lists who enforces which.",
      more,
    };
  }
  return { step, state: "ok", detail: `${target || "all that was asked"} passes, both ways`, more };
}

function healthStep(_: ExplanationFacts, peer: PeerReport): ExplanationStep {
  const step = "health";
  const { healthy, score, rttMs, lossPercent, failureCount } = peer;
  const figures = [
    `score ${score}`,
    ...rttMs === null ? [] : [formatRtt(rttMs)],
    ...lossPercent === null ? [] : [`${Math.round(lossPercent)} % lost`],
  ].join(", ");
  if (healthy && lossPercent !== null && lossPercent >= 10) {
    return {
      step,
      state: "warning",
      detail: `it answers, but probes are lost: ${figures}`,
      hint: `\`weft ping ${peer.name} --count 20\` measures it; a busy or bad line loses packets.`,
    };
  }
  if (healthy) return { step, state: "ok", detail: `it answers: ${figures}` };
  return {
    step,
    state: "broken",
    detail: `it does not answer: ${counted(failureCount, "probe")} without an answer, ${figures}`,
    hint: peer.isAway
      ? "Look whether the machine and weft run there."
      : `\`weft ping ${peer.name}\` tries once more; a firewall there may drop what comes in by its interface.`,
  };
}

function servicesStep({ services }: ExplanationFacts, { name }: PeerReport): ExplanationStep {
  const step = "services";
  const offered = services.filter(({ providers }) => providers.some((one) => one.name === name));
  if (offered.length === 0) return { step, state: "ok", detail: "it offers none" };
  const failing = offered.filter(({ providers }) =>
    providers.some((one) => one.name === name && (one.state !== "running" || !one.isHealthy))
  );
  const list = (some: readonly ServiceReport[]) => some.map(({ path }) => path).slice(0, 5).join(", ");
  if (failing.length === 0) {
    return { step, state: "ok", detail: `${counted(offered.length, "service")}: ${list(offered)}` };
  }
  return {
    step,
    state: "warning",
    detail: `${counted(failing.length, "service")} of ${offered.length} can't be called there: ${
      list(failing)
    }`,
    hint: "`weft service list` shows each; look at the program's own log.",
  };
}
