/**
 * Completion scripts for shells, made from the commands themselves.
 * @module
 */

import type { AnyCommand } from "./weft_command.ts";

/** The shells that are known. */
export const SHELLS: readonly string[] = ["bash", "zsh", "fish"];

/** Everything that may follow a path of commands. */
interface Words {
  /** `weft`, `weft token`, … */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly { readonly name: string; readonly description: string }[];
}

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
  }));
  return [
    { path, commands, options },
    ...command.commands.flatMap((each) => wordsOf(each as AnyCommand, `${path} ${each.name()}`)),
  ];
}

function bashScript(words: readonly Words[]): string {
  const cases = words.map(({ path, commands, options }) => {
    const all = [...commands, ...options].map(({ name }) => name).join(" ");
    return `    "${path}") words="${all}" ;;`;
  });
  const paths = words.filter(({ path }) => path !== "weft").map(({ path }) => `"${path}"`).join("|");
  return `_weft() {
  local path=weft word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
      ${paths}) path="$path $word" ;;
    esac
  done
  case "$path" in
${cases.join("\n")}
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
        `complete -c weft -f${when} -a ${name} -d '${plain(description)}'`
      ),
      ...options.map(({ name, description }) =>
        `complete -c weft${when} -l ${name.replace(/^--/, "")} -d '${plain(description)}'`
      ),
    ];
  });
  return `${lines.join("\n")}\n`;
}

function plain(text: string): string {
  return text.replace(/[\\']/g, "\\$&");
}
