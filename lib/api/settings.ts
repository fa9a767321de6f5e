/**
 * What may be asked of a running agent about how it was told to run.
 * @module
 */

/**
 * Where a setting comes from: this start (`flag`, `environment`, or the `program` that runs the node), an earlier start or
 * `weft config set` (`kept`), the configuration file, the network that the node is a member of, or nowhere.
 */
export type SettingSource = "flag" | "environment" | "program" | "kept" | "file" | "network" | "default";

/** A setting's value as text: a list is a list of texts, null stands for none. */
export type SettingValue = string | readonly string[] | null;

/** One setting of a node. */
export interface SettingReport {
  /** As in flags and in files. */
  readonly name: string;
  /** What holds. */
  readonly value: SettingValue;
  /** Where that comes from. */
  readonly source: SettingSource;
  /** The variable, or the path of the file. */
  readonly at?: string;
  /** What it will be after the next start, where that is something else. */
  readonly next?: SettingValue;
}

/** A setting to be kept, or to be forgotten. */
export interface SettingChange {
  /** As in flags and in files; `config` for the configuration file. */
  readonly name: string;
  /** Each text of a list by itself; absent to forget what is kept. */
  readonly value?: readonly string[];
}

/** What came of reading the settings again. */
export interface ReloadReport {
  /** What holds from now on, and did not before. */
  readonly changed: readonly Pick<SettingReport, "name" | "value">[];
  /** What a start reads once, and would read otherwise now. */
  readonly pending: readonly Required<Pick<SettingReport, "name" | "value" | "next">>[];
  /** What could not be followed, and stays as it was. */
  readonly failed: readonly {
    readonly names: readonly string[];
    readonly problem: string;
    readonly hint?: string;
  }[];
}

/** Operations on what is kept of a node's settings. */
export interface SettingsControl {
  /** How this node was told to run. @returns every setting, in the order of the help */
  settings(): readonly SettingReport[];
  /**
   * Keeps or forgets a setting, from the next start on.
   * @returns whether anything has changed
   * @throws WeftError with code `InvalidConfig` when there is no such setting, or the value is none
   */
  changeSetting(change: SettingChange): boolean;
  /**
   * Reads the configuration file and what is kept again, as the next start would, and follows what can change while the
   * node runs.
   * @returns what has changed, and what has not
   * @throws WeftError with code `InvalidConfig` when what is said cannot be used; nothing has changed then
   */
  reload(): Promise<ReloadReport>;
}
