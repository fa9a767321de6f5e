/**
 * The scripts that make shells ask. What was typed goes by standard input, because arguments can be read by every user of
 * the machine and a token may be among the words.
 * @module
 */

/** The shells that are known. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** One of them. */
export type Shell = typeof SHELLS[number];

/** Whether a word is the name of a shell that is known. */
export function isShell(word: string): word is Shell {
  return (SHELLS as readonly string[]).includes(word);
}

/** @returns what a shell is to read, at its start or from a file */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}

/** bash(1), "Programmable Completion". */
const BASH = `_weft() {
  local weft="\${COMP_WORDS[0]}" how line
  [[ $weft == "~/"* ]] && weft="$HOME/\${weft:2}"
  COMPREPLY=()
  {
    IFS= read -r how
    while IFS= read -r line; do COMPREPLY+=("$line"); done
  } < <(printf '%s\\0' "\${COMP_LINE:0:COMP_POINT}" "$2" | "$weft" complete bash 2>/dev/null)
  case "$how" in
    files) compopt -o default ;;
    directories) compopt -o dirnames ;;
  esac
}
complete -F _weft weft
`;

/** zshcompsys(1): a file of fpath, or read at the start. */
const ZSH = `#compdef weft
_weft() {
  local -a answer
  local how
  answer=("\${(@f)$(printf '%s\\0' "\${(@Q)words[1,CURRENT-1]}" "\${(Q)PREFIX}" |
    "\${(Q)words[1]/#\\~\\//$HOME/}" complete zsh 2>/dev/null)}")
  how="$answer[1]"
  shift answer
  case "$how" in
    files | directories)
      [[ "$PREFIX" == --*=* ]] && compset -P 1 '*='
      if [[ "$how" == files ]]; then _files; else _files -/; fi
      ;;
    *) ((\${#answer})) && _describe weft answer ;;
  esac
}
if [[ "\${funcstack[1]}" == _weft ]]; then _weft "$@"; else compdef _weft weft; fi
`;

/** fish: complete(1), commandline(1). */
const FISH = `function __weft_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct | string replace -r '^["\\']' '')
    set -l answer (printf '%s\\0' $words "$current" | $words[1] complete fish 2>/dev/null)
    set -l how $answer[1]
    set -e answer[1]
    set -l option (string match -r '^--[^=]*=' -- "$current")
    set -l path (string replace -r '^--[^=]*=' '' -- "$current")
    switch "$how"
        case files
            printf '%s\\n' "$option"(__fish_complete_path "$path")
        case directories
            printf '%s\\n' "$option"(__fish_complete_directories "$path")
        case '*'
            printf '%s\\n' $answer
    end
end
complete -c weft -f -a '(__weft_complete)'
`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
