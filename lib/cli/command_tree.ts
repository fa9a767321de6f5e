/**
 * The tree of commands: finding one by the words that people type, and refusing words that are none.
 * @module
 */

import type { Command } from "@commander-js/extra-typings";
import { nearest } from "../config/mod.ts";
import { UsageError } from "./failure.ts";

/** A command with whatever options and arguments. */
export type AnyCommand = Command<unknown[], Record<string, unknown>, Record<string, unknown>>;

/** What else commands are called that are called so, in whichever group; the help shows the first. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  list: ["ls"],
  remove: ["rm", "delete"],
  delete: ["rm", "remove"],
};

/** What people type who come from other tools, and what does it here. */
export const MEANT: Readonly<Record<string, string>> = {
  join: "`weft --join TOKEN` joins a network.",
  connect: "`weft --join TOKEN` joins a network; `weft up` resumes.",
  login: "`weft --join TOKEN` joins a network; `weft up` resumes.",
  init: "`weft --leader` starts a network.",
  create: "`weft --leader` starts a network; `weft token create` makes a token to join it.",
  start: "`weft up` resumes a node; `weft --leader` starts a network, `weft --join TOKEN` joins one.",
  run: "`weft up` resumes a node; `weft --leader` starts a network, `weft --join TOKEN` joins one.",
  resume: "`weft up` resumes a node.",
  restart: "`weft down` stops the agent, `weft up` starts it again.",
  stop: "`weft down` stops the agent.",
  quit: "`weft down` stops the agent, `weft leave` leaves the network.",
  logout: "`weft leave` leaves the network.",
  log: "`weft logs --follow` shows what the agent logs.",
  journal: "`weft logs --follow` shows what the agent logs.",
  list: "`weft peers` lists the members.",
  ls: "`weft peers` lists the members.",
  nodes: "`weft peers` lists the members.",
  node: "`weft peer show NAME` tells all of a member.",
  members: "`weft peers` lists the members.",
  member: "`weft peer show NAME` tells all of a member.",
  device: "`weft peer add NAME --wireguard` lets a plain WireGuard device in.",
  devices: "`weft peers` lists the members.",
  hosts: "`weft peers` lists the members.",
  info: "`weft status` shows this node and its network.",
  whoami: "`weft status` shows this node and its network.",
  ip: "`weft status` shows this node's addresses.",
  invite: "`weft token create` makes a token and prints the command that joins with it.",
  tokens: "`weft token list` lists the tokens.",
  services: "`weft service list` lists the services.",
  names: "`weft dns list` lists the names.",
  leaders: "`weft leader list` lists the leaders.",
  labels: "`weft label` lists the labels of all members.",
  grants: "`weft grant list` lists what members may do.",
  rename: "`weft peer rename NAME NEW-NAME`, on a leader.",
  remove: "`weft peer remove NAME`, on a leader.",
  rm: "`weft peer remove NAME`, on a leader.",
  delete: "`weft peer remove NAME`, on a leader.",
  kick: "`weft peer remove NAME`, on a leader.",
  add: "`weft token create` lets machines in, `weft peer add NAME` plain WireGuard devices.",
  admit: "`weft peer approve NAME`, on a leader; `weft peer pending` lists who waits.",
  approve: "`weft peer approve NAME`, on a leader.",
  promote: "`weft leader promote NAME`, on a leader.",
  demote: "`weft leader demote NAME`, on a leader.",
  resolve: "`weft dns query NAME` asks this node's name server.",
  lookup: "`weft dns query NAME` asks this node's name server.",
  dig: "`weft dns query NAME` asks this node's name server.",
  request: "`weft call SERVICE/ACTION` calls an action.",
  emit: "`weft publish TOPIC` publishes an event.",
  events: "`weft subscribe PATTERN` prints events; `weft audit` what has happened to members.",
  listen: "`weft subscribe PATTERN` prints events.",
  socks: "`weft proxy --socks5 1080` is a SOCKS5 proxy into the network.",
  expose: "`weft offer PORT` lets the network reach a port of this machine.",
  serve: "`weft offer PORT` lets the network reach a port of this machine.",
  completion: "`weft completions bash` prints completions; there are some for zsh and fish, too.",
  networks: "`weft network list` lists the overlay networks.",
  endpoints: "`weft endpoint list` lists the endpoints of overlay networks.",
  vxlan: "`weft network create NAME --type vxlan` makes an overlay network.",
  vlan: "`weft network create NAME --type vlan` makes an overlay network.",
  bridge: "`weft endpoint add NETWORK NAME --attach INTERFACE` bridges an interface in.",
  attach: "`weft endpoint add NETWORK NAME --attach INTERFACE` bridges an interface in.",
  tap: "`weft endpoint add NETWORK NAME` makes a TAP device in an overlay network.",
  migrate: "`weft endpoint move NETWORK/NAME --to MEMBER` moves an endpoint.",
  policies: "`weft policy show` shows who may reach whom.",
  acl: "`weft policy init` writes a policy, `weft policy import` makes one of an ACL file.",
  acls: "`weft policy init` writes a policy, `weft policy import` makes one of an ACL file.",
  firewall: "`weft policy init` writes a policy of who may reach whom.",
  rules: "`weft policy show` lists the rules.",
  allow: "Rules stand in a policy: `weft policy init` writes one with examples.",
  deny: "Rules stand in a policy: `weft policy init` writes one with examples.",
  explain: "`weft policy explain web-1 db-1:5432` says which rule decides.",
  settings: "`weft config show` lists the settings of this node.",
  get: "`weft config show` lists the settings of this node.",
  set: "`weft config set NAME VALUE` keeps a setting.",
  key: "`weft token create` makes a token to join; `weft rotate-key` gives this node new keys.",
  keys: "`weft token list` lists the tokens; `weft rotate-key` gives this node new keys.",
  preauthkeys: "`weft token list` lists the tokens, `weft token create` makes one.",
  cert: "`weft token create` lets machines in; a leader signs who belongs.",
  lighthouse: "A leader is what others find first: `weft leader list`, `weft leader promote NAME`.",
  routes: "`weft route list` lists the networks behind members.",
  subnet: "`weft route add 192.168.50.0/24` leads members to a network behind this host.",
  "exit-node": "`weft exit list` lists the exits, `weft exit use NAME` goes out by one.",
  gateway:
    "`weft exit use NAME` sends everything through a member; `weft route add` leads to a network behind one.",
  ssh: "`ssh NAME` goes through the network by itself, between nodes with an interface.",
  tunnel: "`weft forward 8080:NAME:80` leads a port of this machine to one of another node.",
  show: "`weft status` shows this node and its network, `weft peer show NAME` a member.",
  debug:
    "`weft doctor` checks this host, `weft bugreport` collects what helps, `weft logs level debug` logs more.",
  update: "Put the new program in the place of the old one, then `weft down` and `weft up`.",
  upgrade: "Put the new program in the place of the old one, then `weft down` and `weft up`.",
  req: "`weft call SERVICE/ACTION` calls an action.",
  pub: "`weft publish TOPIC` publishes an event.",
  sub: "`weft subscribe PATTERN` prints events.",
  kv: "`weft data list` lists the collections.",
  stream: "`weft queue list` lists the queues, `weft data list` the collections.",
  collection: "`weft data list` lists the collections.",
  queues: "`weft queue list` lists the queues.",
  check: "`weft doctor` checks what weft needs of this host.",
};

/** The words by which `weft --leader` is meant. */
const LEAD_HINT = "`weft --leader` starts a network; see `weft leader --help` for these commands.";

/** @returns the command of a group that is called so */
export function commandNamed(group: AnyCommand, word: string): AnyCommand | undefined {
  const found = group.commands.find((each) => each.name() === word || each.aliases().includes(word));
  return found as AnyCommand | undefined;
}

/** @returns how the command is called from a shell */
export function pathOf(command: AnyCommand): string {
  const { parent } = command;
  return parent === null ? command.name() : `${pathOf(parent as AnyCommand)} ${command.name()}`;
}

/** Lets people type `ls` for `list`, and the like; comes after all commands are there. */
export function addAliases(group: AnyCommand): void {
  for (const command of group.commands as AnyCommand[]) {
    const free = (ALIASES[command.name()] ?? []).filter((alias) => commandNamed(group, alias) === undefined);
    if (free.length > 0) command.aliases(free);
    addAliases(command);
  }
}

/** Refuses a word that is none of the commands, or that none was given. */
export function refuseUnknown(command: AnyCommand, word: string | undefined): never {
  const path = pathOf(command);
  const names = command.createHelp().visibleCommands(command as never).map((each) => each.name());
  const isLeader = path === "weft leader";
  if (word === undefined) {
    throw new UsageError(`${path} needs a command: ${names.join(", ")}`, {
      hint: isLeader ? LEAD_HINT : `See \`${path} --help\`.`,
    });
  }
  throw new UsageError(`Unknown command: ${path} ${word.slice(0, 60)}`, { hint: unknownHint(command, word) });
}

/** @returns what the command's help has behind the options: examples and notes */
export function textAfterHelp(command: AnyCommand): string {
  let text = "";
  const emitter = command as unknown as { emit(event: "afterHelp", context: object): void };
  emitter.emit("afterHelp", { error: false, command, write: (more: string) => void (text += more) });
  return text;
}

/**
 * @param word what the example is to have in it, if any of them has
 * @returns one of the examples of the command's help, as it is typed; undefined when it has none
 */
export function exampleOf(command: AnyCommand, word = ""): string | undefined {
  const examples = [...textAfterHelp(command).matchAll(/^ {2}[#$] (weft .*)$/gm)].map(([, line = ""]) =>
    line
  );
  return examples.find((line) => line.split(" ").includes(word)) ?? examples[0];
}

/** @returns the hint that shows how a command is used */
export function exampleHint(command: AnyCommand, word?: string): string {
  const example = exampleOf(command, word);
  const help = `\`${pathOf(command)} --help\``;
  return example === undefined ? `See ${help}.` : `For example \`${example}\`; see ${help}.`;
}

/** @returns what to do about a word that is none of the commands of a group */
export function unknownHint(command: AnyCommand, word: string): string {
  const path = pathOf(command);
  const isProgram = command.parent === null;
  if (isProgram && /^weft1-/.test(word)) return "`weft --join TOKEN` joins with a token.";
  if (isProgram && Object.hasOwn(MEANT, word.toLowerCase())) return MEANT[word.toLowerCase()] ?? "";
  // As near to `set`, and not meant so.
  if (path === "weft config" && /^(get|list|ls)$/i.test(word)) {
    return "`weft config show` lists the settings.";
  }
  if (path === "weft policy" && /^(get|list|ls|status)$/i.test(word)) {
    return "`weft policy show` lists the rules.";
  }
  const names = command.createHelp().visibleCommands(command as never).map((each) => each.name());
  const [begun, another] = names.filter((name) => word.length > 1 && name.startsWith(word));
  const meant = nearest(word, names) ?? (another === undefined ? begun : undefined);
  if (meant !== undefined) return `Did you mean \`${path} ${meant}\`?`;
  // What is no command may be the name of somebody.
  if (path === "weft peers" || path === "weft peer") return "`weft peer show NAME` tells all of a member.";
  return path === "weft leader" ? LEAD_HINT : `See \`${path} --help\` for the commands.`;
}
