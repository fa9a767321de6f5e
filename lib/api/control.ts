/**
 * What may be asked of a running agent, whoever asks: the control socket, the library, a test.
 * @module
 */

import type { BroadcastMode, CallMode, PublishReport, ServiceReport } from "../service/mod.ts";
import type { DataServersControl, DataViewControl } from "./data/mod.ts";
import type { DiagnosisControl } from "./diagnosis/mod.ts";
import type {
  CreatedToken,
  DeviceControl,
  MembershipControl,
  TokenReport,
  TokenRequest,
} from "./membership/mod.ts";
import type { OverlayControl } from "./overlay.ts";
import type { MeasurementControl } from "./measurements/mod.ts";
import type { PathReport, ReachControl, RouteControl, ViewControl } from "./reach/mod.ts";
import type { PolicyControl } from "./policy.ts";
import type { ProcessControl } from "./process_control.ts";
import type { LeaderReport, PeerReport, StatusReport } from "./report.ts";
import type { SettingsControl } from "./settings.ts";

/** How a recovery file is sealed. */
export interface ExportRequest {
  /** At least 12 characters. */
  readonly passphrase: string;
}

/** A recovery file. */
export interface ExportedLeader {
  /** One line of text, with its end. */
  readonly file: string;
  /** The name of the leader that has made it. */
  readonly name: string;
  /** How many members are in it, to be found by. */
  readonly members: number;
}

/** By what a node is to lead. */
export interface RecoverRequest {
  /** As `ExportedLeader` has it. */
  readonly file: string;
  /** The one that it was made with. */
  readonly passphrase: string;
}

/** A node that leads now. */
export interface RecoveredLeader {
  /** Always. */
  readonly done: true;
  /** Its name. */
  readonly name: string;
  /** The names of other leaders that are there. */
  readonly others: readonly string[];
}

/** A node that leads from its next start on. */
export interface RecoveredNode {
  /** Its name. */
  readonly name: string;
  /** Whether it goes on as the leader that made the file, and not as a member that it was before. */
  readonly isRestored: boolean;
}

/** That it is done, and who was meant. */
export interface ChangedMember {
  /** Always so: what fails throws. */
  readonly done: true;
  /** Its name. */
  readonly name: string;
}

/** Who was cut off. */
export interface RemovedPeer extends ChangedMember {
  /** By which token it came in; absent when by none, or when the leaders remember it no more. */
  readonly token?: TokenReport;
  /** The names of plain devices whose hub it was, and that reach nobody now; absent for none. */
  readonly devices?: readonly string[];
}

/** What a node goes on under. */
export interface NewKey {
  /** The WireGuard key in base64. */
  readonly publicKey: string;
  /** The new node id, 32 hexadecimal digits. */
  readonly id: string;
}

/** An answered probe. */
export interface PingReport {
  /** Milliseconds there and back. */
  readonly rttMs: number;
  /**
   * Which way the answer came: through the tunnel, whose packets take a `direct` path, a `relay` or a `carrier`, or by a
   * channel of the message plane.
   */
  readonly path: "direct" | "relay" | "carrier" | "channel";
  /** The way that packets take; absent from agents of a former release. */
  readonly way?: PathReport;
  /** Milliseconds since the last WireGuard handshake; null when there was none. */
  readonly lastHandshakeAgeMs: number | null;
}

/** A record of a name. */
export interface DnsRecordRequest {
  /** Below the zone unless it ends with a dot; the first label may be `*`. */
  readonly name: string;
  /** A, AAAA, CNAME, TXT, SRV, MX or PTR. */
  readonly type: string;
  /** As master files have it: an address, a name, `0 0 80 web-1`, text. */
  readonly data: string;
  /** 300 unless told. */
  readonly ttlSeconds?: number;
}

/** Which records are meant: all of a name, or those of one type, or one. */
export interface DnsRemoval {
  /** Below the zone unless it ends with a dot. */
  readonly name: string;
  /** A, AAAA, CNAME, TXT, SRV, MX or PTR; all types when absent. */
  readonly type?: string;
  /** As master files have it; whatever it is when absent. */
  readonly data?: string;
}

/** A record as it is served. */
export interface DnsRecordReport {
  /** With its final dot. */
  readonly name: string;
  /** A, AAAA, CNAME, TXT, SRV, MX, PTR, SOA or NS. */
  readonly type: string;
  /** As master files have it: an address, a name, `0 0 80 web-1`, text. */
  readonly data: string;
  /** How long it may be cached. */
  readonly ttlSeconds: number;
  /**
   * `zone`: SOA and NS; `network`: what follows from addresses and roles; `member` and `service`: their names; `custom`:
   * what members added; `leader`: what leaders added.
   */
  readonly source: "zone" | "network" | "leader" | "member" | "service" | "custom";
}

/** What the name server has answered. */
export interface DnsAnswerReport {
  /** `NOERROR`, `NXDOMAIN`, … */
  readonly code: string;
  /** Whether it is from the node's own zones. */
  readonly isAuthoritative: boolean;
  /** What was asked for, and the aliases that led there. */
  readonly answers: readonly DnsAnswerRecord[];
  /** The zone's SOA where there is no such name or record. */
  readonly authority: readonly DnsAnswerRecord[];
}

/** A record of an answer. */
export type DnsAnswerRecord = Omit<DnsRecordReport, "source">;

/** A service, and whose. */
export interface ServiceChange {
  /** As `GET /services` shows it. */
  readonly path: string;
  /** A name, id, key or address; this node unless told. */
  readonly node?: string;
}

/** A call, as the library's `request` takes it. */
export interface CallRequest {
  /** `service/action`. */
  readonly path: string;
  /** Whatever JSON can say; absent for none. */
  readonly params?: unknown;
  /** Milliseconds until it fails with `Timeout`; 10,000 unless told. */
  readonly timeoutMs?: number;
  /** Which provider is asked; `round-robin` unless told, and `leader` for a service that has one. */
  readonly mode?: CallMode;
  /** The one node that has to answer, by name, id, key or address. */
  readonly node?: string;
}

/** An event, as the library's `publish` takes it. */
export interface PublishRequest {
  /** Such as `orders/placed`. */
  readonly topic: string;
  /** Whatever JSON can say; absent for none. */
  readonly data?: unknown;
  /** Whether it is kept as the topic's last one. */
  readonly retain?: boolean;
  /** Which subscribers get it; `all` unless told. */
  readonly mode?: BroadcastMode;
}

/** A TCP service of this machine that the mesh is to reach at a port of this node. */
export interface OfferRequest {
  /** In the mesh, 1 to 65535. */
  readonly port: number;
  /** Where the service is; 127.0.0.1 unless told. */
  readonly hostname?: string;
  /** The same port unless told. */
  readonly targetPort?: number;
  /** A selector such as `role=web`; every member unless told. */
  readonly allow?: string;
}

/** A port of this node that members may reach now. */
export interface OfferedPort {
  /** In the mesh, 1 to 65535. */
  readonly port: number;
}

/** Which token of the status page is wanted. */
export interface StatusTokenRequest {
  /** Whether another one is drawn; the former is good for nothing then. */
  readonly isNew?: boolean;
}

/** The token of the status page. */
export interface StatusTokenAnswer {
  /** The secret text itself. */
  readonly token: string;
}

/** Whom a text means. */
export interface FoundMember {
  /** The member's name; null when nobody is meant. */
  readonly name: string | null;
}

/** A TCP port that a node lets others reach. */
export interface OfferReport {
  /** The node's name. */
  readonly node: string;
  /** At the node's overlay address, 1 to 65535. */
  readonly port: number;
  /** Whether it is this node. */
  readonly isLocal: boolean;
  /** Whether only some members may come. */
  readonly isRestricted: boolean;
  /**
   * Whether ordinary programs reach it by the node's name or address, on nodes with an interface; others reach it by
   * `weft forward` and `weft proxy` alone. Of another node's it says whether programs of this one do.
   */
  readonly isForAllPrograms: boolean;
  /** Of this node's own: where the service is, if it is one of this host. */
  readonly service?: string;
  /** Of this node's own: the selector of who may come, if that is not everybody. */
  readonly allow?: string;
}

/** What an action has answered, or one item of its stream; bytes are in base64. */
export type CallResult = { readonly result: unknown } | { readonly base64: string };

/** Which events are wanted. */
export interface SubscribeRequest {
  /** A topic; `{name}` and `*` stand for one segment, `>` at the end for one or more. */
  readonly pattern: string;
  /** Whether events that were kept come first. */
  readonly past?: boolean;
}

/** An event, or how many were dropped before it because nobody read them. */
export type EventLine =
  | { readonly dropped: number }
  | {
    readonly topic: string;
    /** Absent when it is bytes. */
    readonly data?: unknown;
    readonly base64?: string;
    readonly params: Readonly<Record<string, string>>;
    /** Milliseconds since 1970. */
    readonly publishedAt: number;
    readonly isPast: boolean;
    /** The node's name. */
    readonly publisher: string;
  };

/**
 * The operations of a running agent; `OPERATIONS` says of each how it is asked over HTTP and what a request may hold.
 * Failures are WeftErrors: `InvalidRequest` for a request that is not as that table says, `NotLeader`, `UnknownPeer`,
 * `UnknownToken`, `InvalidRecord`, `UnknownName`, `Unreachable`, `InvalidTopic`, and a `CallError` by its own code. What
 * comes in lines ends when its reader or `signal` says so.
 */
export interface AgentControl
  extends
    DataServersControl,
    DataViewControl,
    DeviceControl,
    DiagnosisControl,
    MeasurementControl,
    MembershipControl,
    OverlayControl,
    PolicyControl,
    ProcessControl,
    ReachControl,
    RouteControl,
    SettingsControl,
    ViewControl {
  /** How this node and its network are doing, as `weft status --json` shows it. */
  status(): StatusReport;
  /** How every other member and device is doing, as this node sees them. */
  peers(): readonly PeerReport[];
  /** The leaders, the dead ones too. @returns the leaders as this node sees them, the highest id first */
  leaders(): readonly LeaderReport[];
  /** The token by which others than this machine read the status page. */
  statusToken(request: StatusTokenRequest): StatusTokenAnswer;
  /** Leaders only. @returns the secret string, shown this once, and its report */
  createToken(request: TokenRequest): CreatedToken;
  /** The network's tokens, without their secrets. Leaders only. */
  listTokens(): readonly TokenReport[];
  /** Lets nobody in by this token any more. Leaders only. @throws WeftError with code `UnknownToken` */
  revokeToken(id: string): void;
  /**
   * Leaders only: revokes a member or device by name, id, key or address, also when its record has expired.
   * @param revokeToken whether the token that let it in is revoked, too
   */
  removePeer(peer: string, revokeToken?: boolean): RemovedPeer;
  /** Leaders only: makes a member a leader, by name, id, key or address. */
  promoteLeader(node: string): Promise<ChangedMember>;
  /** Leaders only: makes a leader an ordinary member. */
  demoteLeader(node: string): Promise<ChangedMember>;
  /** Leaders only: what another machine leads with when all leaders are gone, sealed by a passphrase. */
  exportLeader(request: ExportRequest): Promise<ExportedLeader>;
  /** Makes this node a leader by a file that `exportLeader` has made. */
  recoverLeader(request: RecoverRequest): Promise<RecoveredLeader>;
  /** Lets this node go on under new keys. */
  rotateKey(): Promise<NewKey>;
  /** Whom a text means. @returns whom a name, id, key or address means, as commands and dials understand it */
  findMember(member: string): FoundMember;
  /** Probes a member through the tunnel and over the message plane, by name, id, key or address. */
  ping(peer: string): Promise<PingReport>;
  /** The names of the zones. @returns everything in the zones that this node serves */
  listNames(): readonly DnsRecordReport[];
  /** Adds a record on every node. @returns it as it is served */
  addName(request: DnsRecordRequest): DnsAnswerRecord;
  /** Removes what this node has added. @returns how many records @throws WeftError with code `UnknownName` when there is none */
  removeName(removal: DnsRemoval): number;
  /** Asks this node's name server. @param name below the zone unless it ends with a dot @param type `A` unless told */
  resolveName(name: string, type?: string): Promise<DnsAnswerReport>;
  /** What is offered, and by whom. @returns all services that are known, sorted by path */
  listServices(): readonly ServiceReport[];
  /** Turns the calls of a service away until it is resumed. @returns whether it was running */
  pauseService(change: ServiceChange): Promise<boolean>;
  /** Takes calls of a paused service again. @returns whether it was paused */
  resumeService(change: ServiceChange): Promise<boolean>;
  /**
   * Calls an action, wherever it runs.
   * @returns what the handler has answered, or the items of its stream; reading them throws when it breaks
   */
  call(request: CallRequest, signal: AbortSignal): Promise<CallResult | AsyncIterable<CallResult>>;
  /** Publishes an event. @returns once it is on its way */
  publish(request: PublishRequest): Promise<PublishReport>;
  /** Events as they come, until `signal` aborts or its reader leaves. */
  subscribe(request: SubscribeRequest, signal: AbortSignal): AsyncIterable<EventLine>;
  /** Lets the mesh reach a TCP service of this machine. @returns the port once, when it is offered; then it waits */
  offer(request: OfferRequest, signal: AbortSignal): AsyncIterable<OfferedPort>;
  /** The ports that are offered. @returns what this node and others offer, as far as it is known, sorted by node and port */
  listOffers(): readonly OfferReport[];
}
