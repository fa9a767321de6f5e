/**
 * What the table of options says of each.
 * @module
 */

import type * as z from "zod";
import type { AgentOptions } from "./agent_options.ts";

/** The name of an option. */
export type OptionName = keyof AgentOptions;

/** What holds unless told; those that are undefined follow from something else. */
type Initial<Key extends OptionName> = Partial<Pick<AgentOptions, Key>> extends Pick<AgentOptions, Key>
  ? undefined
  : AgentOptions[Key];

/** One option. */
export interface Field<Key extends OptionName = OptionName> {
  /** In flags and files; `WEFT_` and the same in capitals is the variable. */
  readonly flag: string;
  /** The one letter of the flag, where it has one. */
  readonly short?: string;
  /** In files, beside the flag's name. */
  readonly plural?: string;
  /** Names of earlier versions, which are still read wherever an option is, and shown nowhere. */
  readonly aliases?: readonly string[];
  /** What the help calls the value; absent for what is on or off. */
  readonly value?: string;
  /** Whether the flag may stand alone. */
  readonly isValueOptional?: boolean;
  /** Whether `--no-` and the flag turns it off, where it is not just on or off. */
  readonly hasOpposite?: boolean;
  /** What the help says of it, for one that is on unless told of its opposite. */
  readonly help: string;
  /** Whether the flag may be given more than once. */
  readonly isRepeated?: boolean;
  /** Whether a node that runs follows a change of it, see `weft reload`; others take effect at the next start. */
  readonly isReloadable?: boolean;
  readonly initial: Initial<Key>;
  /** How the help tells `initial`, where that is no text or number. */
  readonly initialText?: string;
  /** Makes what reads the option's own type or text; `schemaOf()` has one that is made. */
  readonly schema: () => z.ZodType<AgentOptions[Key]>;
  /** Whether what was written is in no message: a secret may have been put there by mistake. */
  readonly isUnspoken?: boolean;
  /** The words that it may be, for shells to complete. */
  readonly choices?: readonly string[];
  /** What the value must be, after a colon. */
  readonly rule: string;
  readonly hint: string;
}
