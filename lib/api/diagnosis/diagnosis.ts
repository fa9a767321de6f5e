/**
 * What may be asked of a running agent when something is wrong, or may be one day.
 * @module
 */

/** What a copy of a node is sealed with: one of both. */
export interface BackupRequest {
  /** At least 12 characters. */
  readonly passphrase?: string;
  /** The half that seals, as `weft recovery-key` prints it. */
  readonly recoveryKey?: string;
}

/** A copy of a node. */
export interface BackupReport {
  /** The node's name. */
  readonly name: string;
  /** The sealed copy, in base64. */
  readonly file: string;
  /** How many collections' worth of data is in it, in bytes; 0 for none. */
  readonly dataBytes: number;
}

/** The operations. */
export interface DiagnosisControl {
  /** What this agent has changed of the host, and will take back. @returns each in words */
  hostChanges(): readonly string[];
  /** Copies all that makes this node, while it runs. @throws WeftError with code `InvalidRequest` */
  backup(request: BackupRequest): Promise<BackupReport>;
}
