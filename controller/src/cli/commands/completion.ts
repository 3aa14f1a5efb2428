// Completion for bash, zsh and fish, made of the commands themselves.
import type { Command } from "commander";
import type { Io } from "../context.js";
import { UsageError } from "../exit.js";

interface Words {
  /** `eip move`; "" for the program itself. */
  path: string;
  /** Subcommands with what they do. */
  commands: [string, string][];
  options: [string, string][];
}

function wordsOf(command: Command, path = ""): Words[] {
  const commands = command.commands.map((child): [string, string] => [child.name(), child.description()]);
  const options = command.options.flatMap(({ long, description }): [string, string][] =>
    typeof long === "string" ? [[long, description]] : [],
  );
  return [
    { path, commands, options },
    ...command.commands.flatMap((child) => wordsOf(child, `${path} ${child.name()}`.trim())),
  ];
}

/** The case arms that both shells share: the words that may come after a path. */
function arms(words: readonly Words[], indent: string): string {
  return words
    .map(({ path, commands, options }) => {
      const all = [...commands, ...options].map(([word]) => word).join(" ");
      return `${indent}"${path}") words="${all}" ;;`;
    })
    .join("\n");
}

function bash(words: readonly Words[]): string {
  return `# sluice completion for bash: eval "$(sluice completion bash)"
_sluice() {
  local path="" word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case " $(_sluice_words "$path") " in
      *" $word "*) [[ $word == -* ]] || path="\${path:+$path }$word" ;;
    esac
  done
  COMPREPLY=($(compgen -W "$(_sluice_words "$path")" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
_sluice_words() {
  local words=""
  case "$1" in
${arms(words, "    ")}
  esac
  printf '%s' "$words"
}
complete -o default -F _sluice sluice
`;
}

function zsh(words: readonly Words[]): string {
  return `#compdef sluice
# sluice completion for zsh: source <(sluice completion zsh)
_sluice_words() {
  local words=""
  case "$1" in
${arms(words, "    ")}
  esac
  print -r -- "$words"
}
_sluice() {
  local word way=""
  for word in "\${(@)words[2,CURRENT-1]}"; do
    if [[ "$word" != -* && " $(_sluice_words "$way") " == *" $word "* ]]; then
      way="\${way:+$way }$word"
    fi
  done
  compadd -- \${=$(_sluice_words "$way")}
  _files
}
compdef _sluice sluice
`;
}

function fish(words: readonly Words[]): string {
  const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const condition = (path: string) => `__sluice_at ${quote(path)}`;
  const lines = words.flatMap(({ path, commands, options }) => [
    ...commands.map(
      ([word, about]) => `complete -c sluice -n ${quote(condition(path))} -a ${word} -d ${quote(about)}`,
    ),
    ...options.map(
      ([word, about]) =>
        `complete -c sluice -n ${quote(condition(path))} -l ${word.slice(2)} -d ${quote(about)}`,
    ),
  ]);
  const paths = words.flatMap(({ path }) => (path === "" ? [] : [quote(path)])).join(" ");
  return `# sluice completion for fish: sluice completion fish | source
function __sluice_at
  set -l path
  for word in (commandline -opc)[2..]
    if contains -- (string trim "$path $word") ${paths}
      set path (string trim "$path $word")
    end
  end
  test "$path" = "$argv[1]"
end
${lines.join("\n")}
`;
}

const SHELLS = { bash, zsh, fish } as const;

export function addCompletion(program: Command, io: Io): void {
  program
    .command("completion <shell>")
    .description("print what makes bash, zsh or fish complete sluice's commands and options")
    .action((shell: string) => {
      const render = SHELLS[shell as keyof typeof SHELLS];
      if (render === undefined) {
        throw new UsageError(
          `"${shell}" is not a shell that can be helped (${Object.keys(SHELLS).join(", ")})`,
        );
      }
      io.stdout.write(render(wordsOf(program)));
    });
}
