/**
 * What is said of a node at one start, and what holds with what was said before.
 *
 *     flags > environment > kept from earlier starts > file > defaults
 *
 * @module
 */

import type { AgentOptions, AgentOptionsInput } from "./agent_options.ts";
import type { OptionName } from "./field.ts";
import { type ConfigLayer, type LayeredOptions, layerOptions, readLayer } from "./layers.ts";
import { type OptionText, optionText } from "./option_text.ts";

/** A configuration file that was read. */
export type ConfigFile = ConfigLayer & { readonly path: string };

/** What is said at one start. */
export class SaidSettings {
  /** What wins over all that is kept, the first first, in text that stands for it. */
  readonly layers: readonly ConfigLayer[];
  /** The file that was named at this start. */
  readonly file: ConfigFile | undefined;
  /** Options whose variable is set and empty. */
  readonly emptied: readonly OptionName[];
  readonly #defaults: ConfigLayer;

  /**
   * @param layers what wins over all that is kept, the first first
   * @param more.defaults what holds unless anything is said, in place of the usual defaults
   * @throws InvalidConfigError that names the setting as it was written, its value, and the rule
   */
  constructor(
    layers: readonly ConfigLayer[],
    more: {
      readonly file?: ConfigFile | undefined;
      readonly emptied?: readonly OptionName[];
      readonly defaults?: AgentOptionsInput;
    } = {},
  ) {
    this.layers = layers.map(asText);
    this.file = more.file;
    this.emptied = more.emptied ?? [];
    this.#defaults = { source: "options", values: more.defaults ?? {} };
  }

  /** @returns what a program says @throws InvalidConfigError */
  static ofProgram(input: AgentOptionsInput, defaults: AgentOptionsInput = {}): SaidSettings {
    return new SaidSettings([{ source: "options", values: input }], { defaults });
  }

  /** @returns the same with other layers, and another file or none */
  again(layers: readonly ConfigLayer[], file: ConfigFile | undefined): SaidSettings {
    const { emptied } = this;
    return new SaidSettings(layers, { file, emptied, defaults: this.#defaults.values });
  }

  /** Where the state is, which nothing that is kept can say. */
  get stateDir(): string {
    return this.own.stateDir;
  }

  /** Whether this start says an option, in whatever way. */
  says(name: OptionName): boolean {
    return [...this.layers, ...this.file ? [this.file] : []].some(({ values }) => values[name] !== undefined);
  }

  /** What holds by this start alone, without what is kept. */
  get own(): AgentOptions {
    return this.resolve().options;
  }

  /**
   * @param kept what was said before
   * @param keptFile the file that an earlier start has named, unless this one names another
   * @throws InvalidConfigError when the file says what cannot be used
   */
  resolve(kept?: ConfigLayer, keptFile?: ConfigFile): LayeredOptions {
    const file = this.file ?? keptFile;
    const layers = [...this.layers, ...kept ? [kept] : [], ...file ? [file] : [], this.#defaults];
    // A file that is read because of the state does not say where that is.
    const isPassedOver = (name: OptionName, layer: ConfigLayer): boolean =>
      name === "stateDir" && file !== undefined && layer === keptFile;
    const { options, origins } = layerOptions(layers, isPassedOver);
    return { options, origins: new Map([...origins].filter(([, layer]) => layer !== this.#defaults)) };
  }
}

/** What is kept is text, and it is what was read, so that aliases and spellings are gone. */
function asText(layer: ConfigLayer): ConfigLayer {
  const values: Partial<Record<OptionName, OptionText>> = {};
  for (const [name, value] of readLayer(layer)) values[name] = optionText(value);
  return { ...layer, values };
}
