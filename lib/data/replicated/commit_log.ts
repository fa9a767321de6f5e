/**
 * A log of commits that several nodes append to and read, as a port.
 * @module
 */

/** What was appended. */
export interface LogMessage {
  /** Each message has the number after the one before it. */
  readonly sequence: number;
  /** Milliseconds since 1970, the same for all who read it. */
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** What a log holds when it is reached. */
export interface LogState {
  /** Another log has another identity, also when it has the name of one that was there. */
  readonly identity: string;
  /** The first message that is kept; one more than the last when none is. */
  readonly first: number;
  /** The last one that was appended; 0 before the first. */
  readonly last: number;
}

/** A copy of the database as it was behind a message. */
export interface LogSnapshot {
  /** The newest version of the records that it is made of: who does not read that takes no such snapshot either. */
  readonly version: number;
  /** Of that message, or an earlier one. */
  readonly sequence: number;
  /** Who has the snapshot needs the messages from this one on. */
  readonly replayFrom: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Reads a log. */
export interface LogReader {
  /**
   * The log is reached, for the first time or again.
   * @returns the number of the message after which to read; undefined when it can't be read now
   */
  handleOpened(state: LogState): Promise<number | undefined>;
  /** Messages in their order. @returns false when they can't be taken: the log is to be opened again later */
  handleMessages(messages: readonly LogMessage[]): Promise<boolean>;
  /** Nobody answers. */
  handleAway(): void;
}

/** A log that is durable and has one order. Methods throw `DataError`. */
export interface CommitLog {
  /** The longest message in bytes. */
  readonly maxMessageBytes: number;
  /** Begins to reach the log, and goes on, whatever happens, until it is closed. */
  start(reader: LogReader): void;
  /**
   * Appends a message, once also when it has to be sent several times.
   * @param id names the message
   * @returns its number
   * @throws DataError with code `OwnerAway` or `DiskFull` when it was not appended, `OutcomeUnknown` when it may have been
   */
  append(id: string, bytes: Uint8Array): Promise<number>;
  /**
   * @param known the last message that who asks has read: it may be cheaper to ask whether there is another one
   * @returns the number of the last message: no lower than that of any which had been appended when this was asked
   */
  last(known: number): Promise<number>;
  /** @returns the newest snapshot that was stored; undefined when there is none */
  snapshot(): Promise<LogSnapshot | undefined>;
  /**
   * Stores a snapshot in the place of the one before, and forgets messages that nobody needs any more; leaves it when
   * another one was stored meanwhile.
   * @param keepFrom the first message that is needed, not after `replayFrom`
   */
  storeSnapshot(snapshot: LogSnapshot, keepFrom: number): Promise<void>;
  /** Resolves when the reader is not called any more. Harmless when repeated. */
  close(): Promise<void>;
}
