/**
 * Completion scripts for shells, made from the commands themselves.
 * @module
 */

import { FIELD_ENTRIES } from "../../config/mod.ts";
import { BROADCAST_MODES, CALL_MODES } from "../../service/bounds.ts";
import type { AnyCommand } from "../weft_command.ts";

/** The shells that are known. */
export const SHELLS: readonly string[] = ["bash", "zsh", "fish"];

/** Everything that may follow a path of commands. */
interface Words {
  /** `weft`, `weft token`, … */
  readonly path: string;
  readonly commands: readonly Named[];
  readonly options: readonly (Named & { readonly takesValue: boolean })[];
}

interface Named {
  readonly name: string;
  readonly description: string;
}

/** What options may be, where that is known; other values are for the shell to complete, as names of files. */
const OPTION_VALUES: ReadonlyMap<string, string> = new Map([
  ...FIELD_ENTRIES.flatMap(([, { flag, choices }]) =>
    choices ? [[`--${flag}`, choices.join(" ")] as const] : []
  ),
  ["--mode", [...new Set([...CALL_MODES, ...BROADCAST_MODES])].join(" ")],
]);

/** @returns the script, or undefined when the shell is not known */
export function completionScript(shell: string, program: AnyCommand): string | undefined {
  const words = wordsOf(program, "weft");
  if (shell === "bash") return bashScript(words);
  if (shell === "zsh") {
    return `#compdef weft\nautoload -Uz bashcompinit && bashcompinit\n${bashScript(words)}`;
  }
  return shell === "fish" ? fishScript(words) : undefined;
}

function wordsOf(command: AnyCommand, path: string): readonly Words[] {
  const commands = command.commands.map((each) => ({ name: each.name(), description: each.description() }));
  const options = command.createHelp().visibleOptions(command as never).map((option) => ({
    name: option.long ?? option.short ?? "",
    description: option.description,
    takesValue: option.required || option.optional,
  }));
  const shells = SHELLS.map((name) => ({ name, description: "" }));
  return [
    { path, commands: path === "weft completions" ? shells : commands, options },
    ...command.commands.flatMap((each) => wordsOf(each as AnyCommand, `${path} ${each.name()}`)),
  ];
}

/** `help` is passed over, because after it come the same commands. */
function bashScript(words: readonly Words[]): string {
  const cases = words.map(({ path, commands, options }) => {
    const all = [...commands, ...options].map(({ name }) => name).join(" ");
    return `    "${path}") words="${all}" ;;`;
  });
  const paths = words.slice(1).filter(({ path }) => path !== "weft help").map(({ path }) => `"${path}"`);
  const withValue = new Set(
    words.flatMap(({ options }) => options).filter(({ takesValue }) => takesValue).map(({ name }) => name),
  );
  const values = [...withValue].map((name) => `    ${name}) words="${OPTION_VALUES.get(name) ?? ""}" ;;`);
  return `_weft() {
  local at=weft word words
  for word in "\${COMP_WORDS[@]:1:$((COMP_CWORD-1))}"; do
    case "$at $word" in
      ${paths.join("|")}) at="$at $word" ;;
    esac
  done
  case "$at" in
${cases.join("\n")}
  esac
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
${values.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _weft weft
`;
}

function fishScript(words: readonly Words[]): string {
  const lines = words.flatMap(({ path, commands, options }) => {
    const [, ...above] = path.split(" ");
    const names = commands.map(({ name }) => name).join(" ");
    const here = above.map((name) => `__fish_seen_subcommand_from ${name}`);
    const conditions = names === "" ? here : [...here, `not __fish_seen_subcommand_from ${names}`];
    const when = conditions.length === 0 ? "" : ` -n '${conditions.join("; and ")}'`;
    return [
      ...commands.map(({ name, description }) =>
        `complete -c weft -f${when} -a ${name}${description && ` -d '${plain(description)}'`}`
      ),
      ...options.map(({ name, description, takesValue }) => {
        const values = OPTION_VALUES.get(name);
        const value = values === undefined ? takesValue ? " -r" : "" : ` -x -a '${values}'`;
        return `complete -c weft${when} -l ${name.replace(/^--/, "")}${value} -d '${plain(description)}'`;
      }),
    ];
  });
  const names = words[0]?.commands.map(({ name }) => name).join(" ");
  lines.push(`complete -c weft -f -n '__fish_seen_subcommand_from help' -a '${names}'`);
  return `${lines.join("\n")}\n`;
}

function plain(text: string): string {
  return text.replace(/[\\']/g, "\\$&");
}
