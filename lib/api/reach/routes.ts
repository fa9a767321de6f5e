/**
 * What may be asked about networks behind members.
 * @module
 */

/** A network that a member is to lead to. */
export interface RouteRequest {
  /** In CIDR notation; `0.0.0.0/0` and `::/0` make an exit node. */
  readonly network: string;
  /** The member, by name, id, key or address; this node unless told, and another one by leaders alone. */
  readonly via?: string;
  /** Whether what comes from members has the member's own address there; true unless told. */
  readonly masquerade?: boolean;
}

/** Which route is meant. */
export interface RouteChoice {
  /** In CIDR notation. */
  readonly network: string;
  /** The member; needed where several lead there. */
  readonly node?: string;
}

/** A network and a member that leads there, or would. */
export interface RouteReport {
  /** In CIDR notation. */
  readonly network: string;
  /** The member's name. */
  readonly node: string;
  /** `offered` while no leader has decided; `withdrawn` by the member itself. */
  readonly state: "offered" | "approved" | "rejected" | "withdrawn";
  /** Whether what comes from members has the member's own address there. */
  readonly masquerade: boolean;
  /** Whether it is everything that is not led to otherwise. */
  readonly isExit: boolean;
  /**
   * What this node has of it: its packets go there by that member, or would if another one failed; or it is that member
   * itself.
   */
  readonly use: "carries" | "standby" | "here" | "none";
  /** The leader's name. */
  readonly decidedBy?: string;
  /** Milliseconds since 1970. */
  readonly decidedAt?: number;
  /** Why this node's packets do not go there, or why this node does not lead there. */
  readonly problem?: string;
}

/** Through whom everything is to be sent that is for nobody this host knows. */
export interface ExitRequest {
  /** The member, by name, id, key or address. */
  readonly node: string;
  /** Whether networks beside this host are reached no more either. */
  readonly blocksLan?: boolean;
}

/** What this node has of an exit. */
export interface ExitReport {
  /** The member's name; null while everything goes as it did before. */
  readonly node: string | null;
  /** Whether networks beside this host are reached no more either. */
  readonly blocksLan: boolean;
  /** The families that the exit leads; what is of the others gets out nowhere. */
  readonly families: readonly (4 | 6)[];
  /** Why nothing gets out; absent while it does. */
  readonly problem?: string;
}

/** What may be asked of a running agent about routes. */
export interface RouteControl {
  /** All routes, offered and decided on. */
  listRoutes(): readonly RouteReport[];
  /**
   * Offers a network; on leaders it is approved at once, also for another member.
   * @throws WeftError with code `InvalidRequest`, `NotLeader`, `UnknownPeer`
   */
  addRoute(request: RouteRequest): RouteReport;
  /** Approves an offer. Leaders only. @throws WeftError with code `NotLeader`, `InvalidRequest` */
  approveRoute(choice: RouteChoice): RouteReport;
  /** Turns an offer down. Leaders only. @throws WeftError with code `NotLeader`, `InvalidRequest` */
  rejectRoute(choice: RouteChoice): RouteReport;
  /** Withdraws what this node offers, or takes a route back, as a leader. @throws WeftError with code `InvalidRequest`, `NotLeader` */
  removeRoute(choice: RouteChoice): RouteReport;
  /** Through whom everything is sent. */
  exitStatus(): ExitReport;
  /**
   * Sends everything that is for nobody this host knows through a member, until `leaveExit`: while that member is away, nothing
   * gets out.
   * @throws WeftError with code `InvalidRequest`, `UnknownPeer`
   */
  useExit(request: ExitRequest): ExitReport;
  /** Sends everything as it was before; harmless when no exit is used. */
  leaveExit(): ExitReport;
}
