/**
 * What a node is told: by this start, by earlier ones, by its configuration file.
 * @module
 */

import type { SettingChange, SettingReport, SettingSource, SettingValue } from "../../api/mod.ts";
import type { StateStore } from "../../base/mod.ts";
import {
  type AgentOptions,
  type ConfigFile,
  type ConfigLayer,
  FIELD_ENTRIES,
  FIELDS,
  fileLayer,
  InvalidConfigError,
  isKeptOption,
  KeptSettings,
  type LayeredOptions,
  type OptionName,
  optionText,
  type SaidSettings,
  TEST_OPTIONS,
  variableName,
} from "../../config/mod.ts";
import type { MeshState } from "../../mesh/mod.ts";

/** What the network says of a node, whatever its start says. */
export type NetworkSettings = Partial<Pick<AgentOptions, "name" | "address" | "cidr">>;

/** @returns what the network says of this node */
export function networkSettings({ record, cidr }: MeshState): NetworkSettings {
  const [address] = record.addresses;
  return { name: record.name, cidr, ...address && { address } };
}

/** What a node would be told if it started now, with the same flags and environment. */
export interface RereadSettings extends LayeredOptions {
  readonly file: ConfigFile | undefined;
}

/** The settings of one node at one start, and as it has followed them since. */
export class NodeSettings {
  /** What holds; `adopt` changes it in place, so that whoever holds it sees that. */
  readonly options: AgentOptions;
  /** Settings that were said before and not at this start, by their flags. */
  readonly kept: ReadonlyMap<string, SettingValue>;
  readonly #said: SaidSettings;
  readonly #store: KeptSettings;
  readonly #origins: Map<OptionName, ConfigLayer>;
  readonly #chosen: OptionName[] = [];
  /** As it was read last. */
  #file: ConfigFile | undefined;

  private constructor(
    said: SaidSettings,
    store: KeptSettings,
    keptFile: ConfigFile | undefined,
    kept: ConfigLayer,
  ) {
    this.#said = said;
    this.#store = store;
    this.#file = said.file ?? keptFile;
    const { options, origins } = said.resolve(kept, keptFile);
    this.options = options;
    this.#origins = new Map(origins);
    this.kept = new Map([
      ...keptFile === undefined ? [] : [["config", keptFile.path] as const],
      ...FIELD_ENTRIES.filter(([name]) => origins.get(name)?.source === "kept")
        .map(([name, { flag }]) => [flag, optionText(options[name])] as const),
    ]);
  }

  /**
   * Puts together what is said now and what is kept; a kept configuration file is read again.
   * @param onProblem told of what is kept and cannot be used any more
   * @throws InvalidConfigError when the file cannot be read, or says what cannot be used
   */
  static async read(
    said: SaidSettings,
    store: StateStore,
    onProblem: (problem: string) => void,
  ): Promise<NodeSettings> {
    const kept = new KeptSettings(store);
    const path = said.file === undefined ? kept.configPath : undefined;
    const file = path === undefined ? undefined : await readKeptFile(path);
    return new NodeSettings(said, kept, file, kept.layer(onProblem, said.emptied));
  }

  /** Whether nobody has said an option. */
  isDefault(name: OptionName): boolean {
    return !this.#origins.has(name);
  }

  /** Has an option hold that nobody has said, and keeps it with what this start says. */
  choose<Name extends OptionName>(name: Name, value: AgentOptions[Name]): void {
    (this.options as unknown as Record<OptionName, unknown>)[name] = value;
    this.#origins.set(name, { source: "kept", values: { [name]: value } });
    this.#chosen.push(name);
  }

  /** Keeps what this start says. */
  keep(): void {
    this.#store.keep(this.#said);
    for (const name of this.#chosen) {
      this.#store.change(FIELDS[name].flag, [optionText(this.options[name])].flat());
    }
  }

  /** Keeps or forgets a setting, from the next start on. @throws InvalidConfigError */
  change({ name, value }: SettingChange): boolean {
    return this.#store.change(name, value);
  }

  /**
   * Reads the configuration file and what is kept again. What a flag has said holds until something else is kept in its
   * place.
   * @throws InvalidConfigError when the file cannot be read, or says what cannot be used
   */
  async reread(): Promise<RereadSettings> {
    const path = this.#store.configPath;
    const file = path === undefined ? undefined : await readKeptFile(path);
    const kept = this.#store.layer(() => {}, this.#said.emptied);
    const holds = ([name, text]: readonly [string, unknown]): boolean =>
      !isKeptOption(name as OptionName) || JSON.stringify(kept.values[name]) === JSON.stringify(text);
    const layers = this.#said.layers.map((layer) =>
      layer.source === "flags"
        ? { ...layer, values: Object.fromEntries(Object.entries(layer.values).filter(holds)) }
        : layer
    );
    return { ...this.#said.again(layers, undefined).resolve(kept, file), file };
  }

  /** Has options hold as they were read again. @returns what takes that back */
  adopt({ options, origins, file }: RereadSettings, names: readonly OptionName[]): () => void {
    const before = { options: { ...this.options }, origins: new Map(this.#origins), file: this.#file };
    this.#file = file;
    for (const name of names) {
      this.#set(name, options);
      const origin = origins.get(name);
      if (origin === undefined) this.#origins.delete(name);
      else this.#origins.set(name, origin);
    }
    return () => this.adopt(before, names);
  }

  /**
   * @param network what the network says, when the node is a member of one
   * @returns every setting, in the order of the help; of those for tests only what is set
   */
  report(network: NetworkSettings | undefined): readonly SettingReport[] {
    const next = this.#next();
    const { file } = this.#said;
    const path = this.#file?.path ?? null;
    const nextPath = this.#store.configPath ?? null;
    const reports: SettingReport[] = [{
      name: "config",
      value: path,
      source: path === null ? "default" : file?.path !== path ? "kept" : "flag",
      ...nextPath !== path && file === undefined && { next: nextPath },
    }];
    for (const [name, { flag }] of FIELD_ENTRIES) {
      const origin = this.#origins.get(name);
      const value = valueOf(this.options, name);
      if (TEST_OPTIONS.includes(name) && origin === undefined) continue;
      if (network !== undefined && isOfNetwork(name)) {
        reports.push({ name: flag, value: valueOf(network, name), source: "network" });
        continue;
      }
      const later = valueOf(next, name);
      const changes = isKeptOption(name) && JSON.stringify(later) !== JSON.stringify(value);
      reports.push({
        name: flag,
        value,
        source: sourceOf(origin),
        ...origin?.source === "environment" && { at: variableName(flag) },
        ...origin?.path !== undefined && { at: origin.path },
        ...changes && { next: later },
      });
    }
    return reports;
  }

  #set(name: OptionName, from: AgentOptions): void {
    const options = this.options as unknown as Record<OptionName, unknown>;
    if (from[name] === undefined) delete options[name];
    else options[name] = from[name];
  }

  /** What a start would find that says by flags what this one said, which is kept, and has the same environment. */
  #next(): AgentOptions {
    const layers = this.#said.layers.filter(({ source }) => source !== "flags");
    const said = this.#said.again(layers, undefined);
    return said.resolve(this.#store.layer(() => {}, said.emptied), this.#file).options;
  }
}

async function readKeptFile(path: string): Promise<ConfigFile> {
  try {
    return { ...await fileLayer(await Deno.readTextFile(path), path), path };
  } catch (cause) {
    if (cause instanceof InvalidConfigError) throw cause;
    const reason = cause instanceof Error ? cause.message.split(/ \(os error|: /)[0] : String(cause);
    throw new InvalidConfigError(`Cannot read ${path}, which an earlier start named by --config: ${reason}`, {
      hint: "`weft config unset config` forgets it; --config FILE names another.",
      cause,
    });
  }
}

function isOfNetwork(name: OptionName): name is keyof NetworkSettings {
  return name === "name" || name === "address" || name === "cidr";
}

function valueOf(options: Partial<AgentOptions>, name: OptionName): SettingValue {
  const value = options[name];
  return value === undefined ? null : optionText(value);
}

function sourceOf(origin: ConfigLayer | undefined): SettingSource {
  if (origin === undefined) return "default";
  const { source } = origin;
  return source === "flags" ? "flag" : source === "options" ? "program" : source;
}
