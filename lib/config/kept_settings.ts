/**
 * What was said of a node at earlier starts, kept in its state, so that the next start does as this one.
 *
 *     settings/OPTION   {"value": text or texts, "from": "flags" | "environment" | "options" | "command"}
 *     settings/config   the same, the absolute path of the configuration file
 *
 * @module
 */

import { StateError, type StateStore, utf8Bytes } from "../base/mod.ts";
import { refusalOf } from "./declared_networks.ts";
import type { OptionName } from "./field.ts";
import { FIELD_ENTRIES, FIELDS, schemaOf } from "./fields.ts";
import { type ConfigLayer, InvalidConfigError, SETTING_NAMES } from "./layers.ts";
import { nearest } from "./nearest.ts";
import { type OptionText, optionText } from "./option_text.ts";
import type { SaidSettings } from "./said_settings.ts";

const SETTINGS = "settings";
/** Under which the path of the configuration file is kept, which is no option. */
const CONFIG = "config";

/** What is never kept, and why: where the state is, what the network says since the node was made, what tests say. */
const NEVER_KEPT: Partial<Readonly<Record<OptionName, string>>> = {
  stateDir: "--state says where everything is kept",
  name: "the network says it: `weft peer rename` on a leader changes it",
  address: "the network says it: `weft peer address` on a leader changes it",
  cidr: "a network has its block for ever",
  testTimers: "that is for tests",
  testProtocols: "that is for tests",
};

/** Whether an option is kept when it is said at a start. */
export function isKeptOption(name: OptionName): boolean {
  return NEVER_KEPT[name] === undefined;
}

interface KeptSetting {
  readonly value: OptionText;
  /** Who said it. */
  readonly from: ConfigLayer["source"] | "command";
}

/** What is kept in one state. Nothing is cached, so a transaction that is undone leaves no trace. */
export class KeptSettings {
  readonly #store: StateStore;

  constructor(store: StateStore) {
    this.#store = store;
  }

  /** The absolute path of the configuration file that is read at every start; undefined for none. */
  get configPath(): string | undefined {
    const path = this.#get(CONFIG)?.value;
    return typeof path === "string" ? path : undefined;
  }

  /**
   * @param onProblem told, in a sentence, of each setting that this version cannot use, and leaves out
   * @param without options whose variable is set and empty: what an earlier environment said of them holds no more
   */
  layer(onProblem: (problem: string) => void, without: readonly OptionName[] = []): ConfigLayer {
    const values: Record<string, unknown> = {};
    for (const [key] of this.#store.entries(SETTINGS)) {
      const kept = this.#get(key);
      if (key === CONFIG || kept === undefined) continue;
      // What is never kept is no setting here, whoever has written the state.
      const [name, field] = FIELD_ENTRIES.find(([name]) => name === key && isKeptOption(name)) ?? [];
      if (kept.from === "environment" && without.some((emptied) => emptied === key)) continue;
      if (name !== undefined && schemaOf(name).safeParse(kept.value).success) values[key] = kept.value;
      else {
        const flag = field?.flag ?? key;
        const text = String(kept.value).slice(0, 60);
        const why = field === undefined ? "there is no such setting any more" : field.rule;
        onProblem(`cannot use the kept setting ${flag} ${text}: ${why}; the default is used`);
      }
    }
    return { source: "kept", values };
  }

  /** Keeps what was said at a start; what it did not say stays. Writes nothing when nothing is new. */
  keep(said: SaidSettings): void {
    this.#store.transaction(() => {
      for (const name of said.emptied) {
        if (this.#get(name)?.from === "environment") this.#store.delete(SETTINGS, name);
      }
      for (const { source, values } of said.layers.toReversed()) {
        for (const [name, value] of Object.entries(values)) {
          if (isKeptOption(name as OptionName)) this.#put(name, { value: value as OptionText, from: source });
        }
      }
      if (said.file !== undefined) this.#put(CONFIG, { value: said.file.path, from: "flags" });
    });
  }

  /**
   * Changes one setting by its name in flags and files, or `config`, from the next start on.
   * @param texts undefined to forget it
   * @returns whether anything was changed
   * @throws InvalidConfigError when there is none of that name, it is not kept, or the value is none
   */
  change(flag: string, texts: readonly string[] | undefined): boolean {
    const name = settingNamed(flag);
    const before = this.#get(name);
    if (texts === undefined) {
      this.#store.delete(SETTINGS, name);
      return before !== undefined;
    }
    return this.#put(name, { value: readValue(name, flag, texts), from: "command" });
  }

  /** @returns whether it is another than before */
  #put(key: string, setting: KeptSetting): boolean {
    const before = this.#get(key);
    if (before?.from === setting.from && JSON.stringify(before.value) === JSON.stringify(setting.value)) {
      return false;
    }
    this.#store.put(SETTINGS, key, utf8Bytes(JSON.stringify(setting)));
    return true;
  }

  #get(key: string): KeptSetting | undefined {
    const bytes = this.#store.get(SETTINGS, key);
    if (bytes === undefined) return undefined;
    let kept: unknown;
    let cause: unknown;
    try {
      kept = JSON.parse(new TextDecoder().decode(bytes));
    } catch (error) {
      cause = error;
    }
    if (typeof kept === "object" && kept !== null && "value" in kept) return kept as KeptSetting;
    throw new StateError(`Cannot read the kept setting ${key} from the state: it is damaged`, { cause });
  }
}

function settingNamed(flag: string): OptionName | typeof CONFIG {
  if (flag === CONFIG) return CONFIG;
  const name = SETTING_NAMES.get(flag);
  if (name === undefined) {
    const names = [
      CONFIG,
      ...FIELD_ENTRIES.filter(([name]) => isKeptOption(name)).map(([, { flag }]) => flag),
    ];
    const meant = nearest(flag, names);
    throw new InvalidConfigError(`There is no setting ${JSON.stringify(flag.slice(0, 60))}`, {
      hint: meant ? `Did you mean ${meant}?` : `The settings are ${names.join(", ")}.`,
    });
  }
  const why = NEVER_KEPT[name];
  if (why === undefined) return name;
  throw new InvalidConfigError(`Cannot keep ${flag}: ${why}`, {
    hint: "`weft config show` lists all settings.",
  });
}

function readValue(name: OptionName | typeof CONFIG, flag: string, texts: readonly string[]): OptionText {
  const [text = ""] = texts;
  if (name === CONFIG) {
    if (texts.length === 1 && text.startsWith("/")) return text;
    throw new InvalidConfigError(`Cannot use config ${texts.join(" ")}: it is the absolute path of a file`, {
      hint: "For example `weft config set config /etc/weft.yaml`.",
    });
  }
  const { isUnspoken = false, rule, hint } = FIELDS[name];
  const schema = schemaOf(name);
  // Commas part the texts of a list, unless they belong to the one that there is.
  const whole = schema.safeParse(texts);
  const read = whole.success || texts.length > 1 ? whole : schema.safeParse(text);
  if (read.success) return optionText(read.data);
  const exact = refusalOf(whole.error ?? read.error);
  if (exact !== undefined) throw new InvalidConfigError(`Cannot use ${flag}: ${exact.rule}`, exact);
  const written = isUnspoken ? "" : ` ${texts.join(" ").slice(0, 60)}`;
  throw new InvalidConfigError(`Cannot use ${flag}${written}: ${rule}`, { hint });
}
