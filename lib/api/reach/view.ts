/**
 * What a page shows beyond the status of one node: how others are linked, and what has happened.
 * @module
 */

/** One link of a member, as that member says. */
export interface LinkReport {
  /** The member at the other end, 32 hexadecimal digits. */
  readonly id: string;
  /** As in `PeerReport`. */
  readonly path: "direct" | "relay" | "carrier" | "channel" | "hub" | "none";
  /** The name of the member that relays, or at whose end the stream ends. */
  readonly via?: string;
  /** The round trip in milliseconds; null when it is not known. */
  readonly rttMs: number | null;
  /** Bytes of datagrams received from the other end. */
  readonly rxBytes: number;
  /** Bytes of datagrams sent to it. */
  readonly txBytes: number;
  /** When hands were last shaken, in milliseconds since 1970, to the second; null when they never were. */
  readonly lastHandshakeAt: number | null;
  /** Whether the other end answers. */
  readonly healthy: boolean;
  /** Whether a channel of the message plane is open. */
  readonly hasChannel: boolean;
  /** Why the path is not direct, in words; absent where it is. */
  readonly why?: string;
}

/** The links of one member. */
export interface MemberLinks {
  /** 32 hexadecimal digits. */
  readonly id: string;
  /** When it said so, in milliseconds since 1970, by this node's clock. */
  readonly at: number;
  /** How often it has denied something by the policy since it started. */
  readonly denied: number;
  /** To whom, and how. */
  readonly links: readonly LinkReport[];
}

/** Something that has happened, as this node has seen it. */
export interface TimelineEvent {
  /** Counts up from 1 while the agent runs. */
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /**
   * `joined`, `removed`, `renamed`, `healthy`, `unhealthy`, `path`, `leader`, `policy`, `warning` or `started`. More may
   * follow.
   */
  readonly kind: string;
  /** What has happened, in words. */
  readonly text: string;
  /** The name of the member that it is about; absent when about none. */
  readonly member?: string;
}

/** Which events are wanted. */
export interface TimelineRequest {
  /** Only those with a higher number. */
  readonly after?: number;
}

/** What may be asked of a running agent for a page. */
export interface ViewControl {
  /**
   * The links of other members, as they have said last; those of this node are in its status. To be asked is what makes
   * this node ask them, as often as every 10 s.
   */
  memberLinks(): readonly MemberLinks[];
  /** What has happened, the oldest first: the last 500. */
  timeline(request: TimelineRequest): readonly TimelineEvent[];
}
