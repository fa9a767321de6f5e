/**
 * What leaders may be asked of members: by which tokens they come in, what they are called, may do and have, who waits to be
 * let in, and what happened.
 * @module
 */

/** Patterns of what may be done; at most 32 of each kind. */
export interface GrantLists {
  /** Service paths to offer. */
  readonly offer?: readonly string[];
  /** Topics to publish to; `*:` before one stands for every network of topics. */
  readonly publish?: readonly string[];
  /** Topics to hear. */
  readonly subscribe?: readonly string[];
  /** Names to add below the zone; the first label may be `*`. */
  readonly names?: readonly string[];
}

/** What a member may do beside what all may. */
export interface GrantsReport extends Required<GrantLists> {
  /** Service paths that it was the first to ask for. */
  readonly claimed: readonly string[];
}

/** What every member may do. */
export interface DefaultGrantsReport extends Required<GrantLists> {
  /** Whether who is the first to ask for a service path gets it. */
  readonly claims: boolean;
}

/** A token as it may be shown again: without its secret. */
export interface TokenReport {
  /** Names it in commands; no secret. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** How many admissions are left; null when unlimited. */
  readonly usesLeft: number | null;
  /** How many machines were admitted by it. */
  readonly used: number;
  /** Labels of whoever joins with it. */
  readonly labels: Readonly<Record<string, string>>;
  /** What whoever joins with it may do beside what all may. */
  readonly grants: GrantsReport;
  /** How long such a member may be away before a leader removes it, in milliseconds; absent for ever. */
  readonly ephemeralMs?: number;
  /** Whether a leader has to approve each machine. */
  readonly needsApproval?: boolean;
  /** The overlay address of who joins with it, or `any` for the one that it asks for. */
  readonly address?: string;
  /** Whether it lets anybody in, and if not, why. */
  readonly state: "usable" | "expired" | "used" | "revoked";
}

/** What a new token shall allow. */
export interface TokenRequest {
  /** Admissions; undefined means any number. */
  readonly uses?: number;
  /** Milliseconds until it expires. */
  readonly lifetimeMs: number;
  /** Labels of whoever joins with it. */
  readonly labels?: Readonly<Record<string, string>>;
  /** What whoever joins with it may do beside what all may. */
  readonly grants?: GrantLists;
  /** How long such a member may be away before a leader removes it, in milliseconds: one second to a year. */
  readonly ephemeralMs?: number;
  /** Whether a leader has to approve each machine. */
  readonly needsApproval?: boolean;
  /** The overlay address of the one machine that joins with it, or `any` for what machines ask for. */
  readonly address?: string;
  /** Whether it says nothing of where the leader is; whoever joins with it finds the leader on its own network. */
  readonly withoutEndpoints?: boolean;
}

/** A token that was just made. */
export interface CreatedToken {
  /** The secret string, shown this once. */
  readonly token: string;
  /** The token as it may be shown again. */
  readonly report: TokenReport;
}

/** A member or device as the network's key has signed it, and what it says of itself. */
export interface MemberReport {
  /** 32 hexadecimal digits. */
  readonly id: string;
  /** The name within the network. */
  readonly name: string;
  /** `leader` and `member` run weft; `wireguard` is any other WireGuard device. */
  readonly roles: readonly string[];
  /** Overlay addresses. */
  readonly addresses: readonly string[];
  /** What a leader or its token calls it. */
  readonly labels: Readonly<Record<string, string>>;
  /** What it calls itself, which authorises nothing. */
  readonly statedLabels: Readonly<Record<string, string>>;
  /** What it called itself under a former release; it authorises nothing until a leader confirms it. */
  readonly unconfirmedLabels: Readonly<Record<string, string>>;
  /** What it may do beside what all may. */
  readonly grants: GrantsReport;
  /** The token by which it came in; absent when by none, and where no leader is asked. */
  readonly tokenId?: string;
  /** How long it may be away before a leader removes it, in milliseconds; absent for ever. */
  readonly ephemeralMs?: number;
}

/** Other labels for a member. */
export interface LabelsRequest {
  /** A name, id, key or address. */
  readonly node: string;
  /** Keys and values to set. */
  readonly set?: Readonly<Record<string, string>>;
  /** Keys to take away. */
  readonly remove?: readonly string[];
  /** Whether labels that it chose itself under a former release are taken over. */
  readonly confirm?: boolean;
}

/** Another name for a member. */
export interface RenameRequest {
  /** A name, id, key or address. */
  readonly node: string;
  /** The one that it shall have. */
  readonly name: string;
}

/** Another address for a member. */
export interface AddressRequest {
  /** A name, id, key or address. */
  readonly node: string;
  /** One that this leader gives out. */
  readonly address: string;
}

/** Other rights for a member. */
export interface GrantsRequest {
  /** A name, id, key or address. */
  readonly node: string;
  /** What it may do from now on. */
  readonly add?: GrantLists;
  /** What it was given; with `offer` also what it was the first to ask for. */
  readonly remove?: GrantLists;
}

/** Other rights for all. */
export interface DefaultGrantsRequest {
  /** What all may do from now on. */
  readonly add?: GrantLists;
  /** What is taken away again. */
  readonly remove?: GrantLists;
  /** Whether who is the first to ask for a service path gets it. */
  readonly claims?: boolean;
}

/** A machine that waits to be let in. */
export interface PendingJoin {
  /** 32 hexadecimal digits. */
  readonly id: string;
  /** The name that it asks for. */
  readonly name: string;
  /** Where it asked from, `address:port`. */
  readonly from: string;
  /** The id of its token. */
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** The overlay address that it asks for. */
  readonly address?: string;
}

/** Which entries of the audit log are wanted; the last 1,000 unless told. */
export interface AuditRequest {
  /** Of this time and later, in milliseconds since 1970. */
  readonly since?: number;
  /** Later than the one of this number. */
  readonly after?: number;
  /** How many at most. */
  readonly limit?: number;
}

/** One thing that happened. */
export interface AuditReport {
  /** Grows with every entry of this leader. */
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** `joined`, `removed`, `left`, `expired`, `renamed`, `granted`, … */
  readonly kind: string;
  /** Whose log it is: a leader's name. */
  readonly leader: string;
  /** `operator` at this leader, `token`, `member`, another `leader`, or this leader's `agent`. */
  readonly by: { readonly kind: string; readonly id?: string; readonly name?: string };
  /** Who was concerned; absent for the network as a whole. */
  readonly node?: { readonly id: string; readonly name: string };
  /** What else there is to say, as names and values. */
  readonly detail?: Readonly<Record<string, string>>;
}

/** Whom to remove of those that nobody has heard of for long. */
export interface PruneRequest {
  /** For how long, in milliseconds: two days at least, since a member says once a day that it is there. */
  readonly awayMs: number;
  /**
   * Whether devices are meant, too, which say nothing: what counts is this leader's own handshakes with them. Those that
   * have another node as their hub are left alone.
   */
  readonly devices?: boolean;
  /** Whether nobody is removed, and it is only said who would be. */
  readonly dryRun?: boolean;
}

/** Who was removed, or would be. */
export interface PrunedPeers {
  /** Those away for longest first. */
  readonly peers: readonly {
    readonly name: string;
    readonly id: string;
    /** When anybody last heard of it, in milliseconds since 1970; absent when nobody ever did. */
    readonly lastSeenMs?: number;
  }[];
  /** How many more there are, for another time. */
  readonly left: number;
}

/** How this node is to leave. */
export interface LeaveRequest {
  /** Whether it leaves, too, when no leader answers, or when it is the last one. */
  readonly force?: boolean;
}

/** What came of it. */
export interface LeaveReport {
  /** Whether the network knows. */
  readonly isKnown: boolean;
}

/** Whom to report. */
export interface MembersRequest {
  /** A name, id, key or address; all unless given. */
  readonly node?: string;
}

/** The operations on members, most of them for leaders only. */
export interface MembershipControl {
  /**
   * Who belongs to the network, as the network's key has signed it.
   * @returns all members and devices, sorted by name, or the one that is meant
   */
  members(request?: MembersRequest): readonly MemberReport[];
  /** Leaders only. */
  changeLabels(request: LabelsRequest): MemberReport;
  /** Leaders only. */
  renameMember(request: RenameRequest): MemberReport;
  /** Leaders only. */
  setAddress(request: AddressRequest): MemberReport;
  /** Leaders only. */
  changeGrants(request: GrantsRequest): MemberReport;
  /** What every member may do. */
  defaultGrants(): DefaultGrantsReport;
  /** Leaders only. */
  changeDefaultGrants(request: DefaultGrantsRequest): DefaultGrantsReport;
  /** Leaders only. @returns who has asked this leader, the oldest first */
  listPending(): readonly PendingJoin[];
  /** Leaders only: lets a machine in, by its id or the name that it asks for. */
  approveJoin(who: string): Promise<MemberReport>;
  /** Leaders only. @returns whom it has refused */
  refuseJoin(who: string): PendingJoin;
  /** Leaders only. @returns entries of this leader's log, the oldest first */
  listAudit(request: AuditRequest): readonly AuditReport[];
  /** Leaders only: removes members that were away for long, never a leader. */
  prunePeers(request: PruneRequest): PrunedPeers;
  /** Leaves the network; the agent stops then, and its state belongs to no network. */
  leave(request: LeaveRequest): Promise<LeaveReport>;
}
