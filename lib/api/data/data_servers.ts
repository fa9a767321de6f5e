/**
 * What may be asked about the servers of collections that members run.
 * @module
 */

/** Which members are to run servers. */
export interface DataServersRequest {
  /** How many: 1, 3 or 5; as many as are named, or else 3, unless told. */
  readonly replicas?: number;
  /**
   * The members, by name, id, key or address; unless told those that ran servers before and keep something, or else those
   * that can, in the order of their names.
   */
  readonly members?: readonly string[];
  /** The program on those members, an absolute path; each finds `nats-server` on its `PATH` unless told. */
  readonly program?: string;
  /** Whether to give up what servers that were stopped keep: they are to begin with nothing. */
  readonly force?: boolean;
}

/** How the servers are to be stopped. */
export interface DataServersStop {
  /** Whether also while they keep collections, which nobody reaches then. */
  readonly force?: boolean;
}

/** A host that is lost, and who runs a server in its place. */
export interface DataServerReplacement {
  /** The member that does not come back, by name, id, key or address; its id where it was removed from the network. */
  readonly lost: string;
  /** The member that takes its place; the first that can, in the order of their names, unless told. */
  readonly by?: string;
}

/** One member's server. */
export interface DataServerReport {
  /** The member's name. */
  readonly node: string;
  /** `away` while the member does not answer. */
  readonly state: "starting" | "running" | "failed" | "away";
  /** Of the program that runs. */
  readonly version?: string;
  /** Of the program that is there now, where it is another one. */
  readonly installed?: string;
  /** How long it has been so, in milliseconds. */
  readonly sinceMs?: number;
  /** How often it had to be started again since its agent was. */
  readonly restarts?: number;
  /** Whether it says where the next write stands. */
  readonly isLeader?: boolean;
  /** Whether it has all that was written; absent while that is not known. */
  readonly isCurrent?: boolean;
  /** Why it does not run. */
  readonly problem?: string;
}

/** Servers that nobody in the mesh runs, which a node was told of by `--data`. */
export interface GivenServersReport {
  /** Each as `host:port`. */
  readonly servers: readonly string[];
  /** Whether they have to prove who they are, and what is said to them is encrypted. */
  readonly isEncrypted: boolean;
  /** Whether a connection to one of them stands. */
  readonly isReached: boolean;
  /** The name of the one that says where the next write stands, where several are. */
  readonly leader?: string;
  /** Why they are not reached. */
  readonly problem?: string;
}

/** The servers of collections that members run. */
export interface DataServersReport {
  /** How many of them keep each write; 0 when there are none. */
  readonly replicas: number;
  /** Whether most of them run. */
  readonly hasQuorum: boolean;
  /** The leader that has decided it, by name. */
  readonly decidedBy?: string;
  /** Milliseconds since 1970. */
  readonly decidedAt?: number;
  /** By name. */
  readonly servers: readonly DataServerReport[];
  /** Who ran servers before, by name, while none do and those keep something. */
  readonly former?: readonly string[];
  /** Those that the node that was asked uses in their place. */
  readonly given?: GivenServersReport;
}

/** What may be asked of a running agent about servers of collections. */
export interface DataServersControl {
  /** The servers, and how they are. */
  dataServers(): Promise<DataServersReport>;
  /**
   * Has members run servers, which keep new collections from then on; harmless when they do. Those that were stopped and
   * keep something are started again, or else it is to be given up. Leaders only.
   * @throws WeftError with code `NotLeader`, `InvalidRequest`, `UnknownPeer`
   */
  startDataServers(request: DataServersRequest): Promise<DataServersReport>;
  /**
   * Has another member run a server in the place of one that is lost for good, and what that kept be copied to it. What
   * the lost one knows of what lets in counts no more. Leaders only; the copy is whole when `dataServers` says so.
   * @throws WeftError with code `NotLeader`, `InvalidRequest`, `UnknownPeer`; `ServerNotLost` while the lost one answers;
   * `QuorumLost` while the others don't hold all that was written
   */
  replaceDataServer(request: DataServerReplacement): Promise<DataServersReport>;
  /**
   * Has them stopped; what they keep stays in the state directories of their members. Leaders only.
   * @throws WeftError with code `NotLeader`, `InvalidRequest`
   */
  stopDataServers(request: DataServersStop): Promise<DataServersReport>;
}
