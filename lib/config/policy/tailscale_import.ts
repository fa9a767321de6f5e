/**
 * Policy files of Tailscale and Headscale, as far as they say what weft's policies say.
 *
 * | there                          | here                                                            |
 * | ------------------------------ | --------------------------------------------------------------- |
 * | `tag:web`                      | `group:tag-web`, those with the label `tag-web`                 |
 * | `alice@example.com`, `alice@`  | the label `user=alice.example.com`, `user=alice`                |
 * | `group:dev`                    | `group:dev`, its users                                          |
 * | hosts, addresses, blocks       | the same addresses                                              |
 * | `acls`, `grants` with `ip`     | `allow` rules, over one that denies the rest                    |
 * | `tests`                        | tests                                                           |
 *
 * @module
 */

import { Cidr, IpAddress } from "../../net/mod.ts";
import { type FilePosition, type PolicyFile, PolicyFileError, readYaml } from "./policy_file.ts";
import { policyText } from "./policy_text.ts";
import { MAX_SELECTOR_LENGTH, parsePorts, readPolicyDocument } from "../../policy/mod.ts";
import { plainJson } from "./hujson.ts";

/** A policy in weft's words, and what of the other one it leaves out. */
export interface ImportedPolicy {
  /** The file for `weft policy test` and `apply`. */
  readonly text: string;
  /** What is not carried over, and what it takes to have the same: one line each, in the order of the file. */
  readonly notes: readonly ImportNote[];
}

/** One of them. */
export interface ImportNote {
  /** Undefined for the whole. */
  readonly position: FilePosition | undefined;
  readonly message: string;
}

type Path = readonly (string | number)[];
type Fields = Readonly<Record<string, unknown>>;

// Without a protocol these are meant there; ICMP has no ports.
const USUAL_PROTOCOLS = ["tcp", "udp"] as const;
const KNOWN = new Set(["groups", "hosts", "acls", "grants", "tests"]);
/** What a selector of several takes more for each: `(…) || `. */
const PARENTHESES = 6;
const DENIED_REST = { name: "denied-rest", priority: -1000, rules: [{ deny: { from: "*", to: "*" } }] };
const WHY_NOT = new Map(Object.entries({
  ssh: "weft has no shell of its own; allow tcp/22 and let sshd decide",
  nodeAttrs: "it sets what clients do, which is `weft config` here",
  tagOwners: "who may label members is a leader, by `weft label`",
  autoApprovers: "routes and services are what a leader grants: `weft grant`",
  postures: "weft does not look into devices; a leader labels them",
  sshTests: "weft has no shell of its own",
  derpMap: "weft's relays are its own members",
  randomizeClientPort: "it is `weft config set port 0` here",
  disableIPv4: "addresses are the network's",
  OneCGNATRoute: "addresses are the network's",
  ipsets: "write the blocks out, or make a group of them",
}));

/** What stands in a policy of weft's own, and in none of theirs. */
const OWN_KEYS = ["policies", "rules"];
const OWN_HINT = "It is a policy of weft already: `weft policy apply FILE` has it take effect.";

/**
 * Reads a policy of Tailscale or Headscale, which is JSON with comments and commas at the end (HuJSON).
 * @param file how the file is called in errors
 * @throws PolicyFileError when it is no such file
 */
export async function importTailscalePolicy(text: string, file: string): Promise<ImportedPolicy> {
  const { value, positionOf } = await readYaml(plainJson(text), file);
  const fields = fieldsOf(value);
  const conversion = new Conversion(fields, positionOf);
  const document = conversion.convert();
  if (document === undefined) {
    // What is left would deny everything.
    const [first] = conversion.notes;
    const isOwn = OWN_KEYS.some((key) => key in fields);
    throw new PolicyFileError(file, "no rule of it can be carried over", first?.position, {
      hint: isOwn
        ? OWN_HINT
        : first?.message ?? "It has acls or grants; `weft policy init` writes a policy to begin with.",
    });
  }
  const heading = [
    `Made by \`weft policy import\`. Labels stand for tags and users:`,
    ...conversion.labelled().map((line) => `  ${line}`),
    "Calls and events of weft's services are denied as well where nothing allows all of a member.",
    "What could not be carried over:",
    ...conversion.notes.length === 0 ? ["  nothing"] : conversion.notes.map((note) => `  ${noteText(note)}`),
  ];
  return { text: await policyText(readPolicyDocument(document), { heading }), notes: conversion.notes };
}

/** @returns a note in one line */
export function noteText({ position, message }: ImportNote): string {
  return position === undefined ? message : `line ${position.line}: ${message}`;
}

class Conversion {
  readonly notes: ImportNote[] = [];
  readonly #root: Fields;
  readonly #positionOf: PolicyFile["positionOf"];
  readonly #groups = new Map<string, string>();
  readonly #labels = new Set<string>();
  /** What each name here is of there: two must not become one, who would have what either may. */
  readonly #origins = new Map<string, string>();

  constructor(root: Fields, positionOf: PolicyFile["positionOf"]) {
    this.#root = root;
    this.#positionOf = positionOf;
  }

  /** @returns the document as plain values; undefined without a rule */
  convert(): object | undefined {
    for (const key of Object.keys(this.#root)) {
      if (!KNOWN.has(key)) {
        this.#note([key], `${key} is not carried over: ${WHY_NOT.get(key) ?? "weft has no such thing"}`);
      }
    }
    this.#checkLists(this.#root, ["acls", "grants", "tests"], []);
    const rules = [
      ...this.#list("acls").flatMap((one, at) => this.#acl(one, ["acls", at])),
      ...this.#list("grants").flatMap((one, at) => this.#grant(one, ["grants", at])),
    ];
    const tests = this.#list("tests").flatMap((one, at) => this.#test(one, ["tests", at]));
    // There, what no rule allows is denied; here, what no rule names is open.
    this.notes.sort((a, b) => (a.position?.line ?? 0) - (b.position?.line ?? 0));
    if (rules.length === 0) return undefined;
    const policies = [{ name: "imported", rules }, DENIED_REST];
    const groups = Object.fromEntries([...this.#groups].sort(([a], [b]) => a < b ? -1 : 1));
    return { groups, policies, ...tests.length > 0 && { tests } };
  }

  /** @returns the commands that give labels, one for each that the policy asks for */
  labelled(): readonly string[] {
    return [...this.#labels].sort().map((label) => `weft label NAME ${label}`);
  }

  #acl(value: unknown, path: Path): readonly object[] {
    // `users` and `ports` are the former names of `src` and `dst`.
    const { action, users, ports: places, src = users, dst = places, proto, ...rest } = fieldsOf(value);
    if (action !== "accept") {
      return this.#leave(path, `its action is ${JSON.stringify(action)}, and not accept`);
    }
    const unknown = Object.keys(rest)[0];
    if (unknown !== undefined) return this.#leave(path, `its ${unknown} would make it narrower`);
    this.#checkLists({ src, dst }, ["src", "dst"], path);
    const from = this.#sources(src, path);
    return textsOf(dst).flatMap((text, at) => {
      const colon = text.lastIndexOf(":");
      const to = this.#who(text.slice(0, colon), [...path, "dst", at]);
      const ports = this.#ports(text.slice(colon + 1), proto, [...path, "dst", at]);
      return to === undefined || ports === undefined ? [] : from.map((some) => allow(some, to, ports));
    });
  }

  #grant(value: unknown, path: Path): readonly object[] {
    const { src, dst, ip, app, ...rest } = fieldsOf(value);
    if (app !== undefined) {
      this.#note([...path, "app"], "app is not carried over: services ask their callers' labels");
    }
    const unknown = Object.keys(rest)[0];
    if (unknown !== undefined) return this.#leave(path, `its ${unknown} would make it narrower`);
    if (ip === undefined) return app === undefined ? this.#leave(path, "it has neither ip nor app") : [];
    this.#checkLists({ src, dst, ip }, ["src", "dst", "ip"], path);
    const from = this.#sources(src, path);
    const to = textsOf(dst).map((text, at) => this.#who(text, [...path, "dst", at])).filter((one) =>
      one !== undefined
    );
    return textsOf(ip).flatMap((text, at) => {
      const colon = text.indexOf(":");
      const [proto, portText] = colon < 0 ? [undefined, text] : [text.slice(0, colon), text.slice(colon + 1)];
      const ports = this.#ports(portText, proto, [...path, "ip", at]);
      return ports === undefined ? [] : to.flatMap((one) => from.map((some) => allow(some, one, ports)));
    });
  }

  #test(value: unknown, path: Path): readonly object[] {
    const { src, user, accept, allow: allowed, deny, proto, ...rest } = fieldsOf(value);
    const unknown = Object.keys(rest)[0];
    if (unknown !== undefined) return this.#leave(path, `its ${unknown} means nothing here`);
    const source = src ?? user;
    const from = typeof source === "string" ? this.#who(source, [...path, "src"]) : undefined;
    if (from === undefined) return [];
    const convert = (texts: unknown, key: string): readonly string[] =>
      textsOf(texts).flatMap((text, at) => {
        const colon = text.lastIndexOf(":");
        const to = this.#who(text.slice(0, colon), [...path, key, at]);
        const port = text.slice(colon + 1);
        if (to === undefined) return [];
        if (!/^\d+$/.test(port) || parsePorts(port) === undefined) {
          this.#note([...path, key, at], `the test of ${text} is not carried over: its port is no number`);
          return [];
        }
        const protocol = typeof proto === "string" ? proto.toLowerCase() : "tcp";
        const isBlock = to.includes(":") && IpAddress.parse(to) !== undefined;
        return [`${isBlock ? `[${to}]` : to}:${protocol === "icmp" ? "icmp" : `${protocol}/${port}`}`];
      });
    const [pass, fail] = [convert(accept ?? allowed, "accept"), convert(deny, "deny")];
    return pass.length + fail.length === 0 ? [] : [{ from, accept: pass, deny: fail }];
  }

  /** @returns lists of selectors, each of which is short enough to stand in one rule */
  #sources(value: unknown, path: Path): readonly string[][] {
    const lists: string[][] = [];
    let length = Infinity;
    for (const [at, text] of textsOf(value).entries()) {
      const one = this.#who(text, [...path, "src", at]);
      if (one === undefined) continue;
      length += one.length + PARENTHESES;
      if (length <= MAX_SELECTOR_LENGTH) lists.at(-1)?.push(one);
      else {
        lists.push([one]);
        length = one.length + PARENTHESES;
      }
    }
    return lists;
  }

  /** @returns a selector for whom a text means; undefined, with a note, where there is nobody like that here */
  #who(text: string, path: Path): string | undefined {
    if (text === "*" || text === "autogroup:danger-all") return "*";
    if (text.startsWith("tag:")) return this.#tag(text.slice(4), path);
    if (text.startsWith("group:")) return this.#group(text.slice(6), path);
    if (text.startsWith("autogroup:")) {
      return this.#skip(
        path,
        `${text} is not carried over: weft has no accounts; give those who are meant a label`,
      );
    }
    const host = fieldsOf(this.#root["hosts"])[text];
    const address = typeof host === "string" ? host : text;
    if (IpAddress.parse(address) ?? Cidr.parse(address)) return address;
    if (text.includes("@")) return this.#user(text, path);
    return this.#skip(
      path,
      `${JSON.stringify(text)} is not carried over: it is no tag, group, host, user or address`,
    );
  }

  #tag(name: string, path: Path): string | undefined {
    const group = `tag-${name}`.toLowerCase();
    if (!/^[a-z0-9-]{1,62}[a-z0-9]$/.test(group)) {
      return this.#skip(path, `tag:${name} has a name that no group can have`);
    }
    if (!this.#isAlone(`group:${group}`, `tag:${name}`, path)) return undefined;
    this.#groups.set(group, group);
    this.#labels.add(`${group}=yes`);
    return `group:${group}`;
  }

  #group(name: string, path: Path): string | undefined {
    const users = textsOf(fieldsOf(this.#root["groups"])[`group:${name}`]);
    const group = name.toLowerCase();
    if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(group)) {
      return this.#skip(path, `group:${name} has a name that no group can have here`);
    }
    if (users.length === 0) return this.#skip(path, `group:${name} is not carried over: nobody is in it`);
    if (!this.#isAlone(`group:${group}`, `group:${name}`, path)) return undefined;
    if (this.#groups.has(group)) return `group:${group}`;
    const labels = users.flatMap((user) => this.#userLabel(user, path) ?? []);
    if (labels.length === 0) {
      return this.#skip(path, `group:${name} is not carried over: nobody is left in it`);
    }
    const selector = `user in (${labels.join(", ")})`;
    if (selector.length > MAX_SELECTOR_LENGTH) {
      this.#labels.add(`group-${group}=yes`);
      this.#note(
        path,
        `group:${name} has too many users for a selector: its members have the label group-${group}`,
      );
    }
    this.#groups.set(group, selector.length > MAX_SELECTOR_LENGTH ? `group-${group}` : selector);
    return `group:${group}`;
  }

  #user(text: string, path: Path): string | undefined {
    const label = this.#userLabel(text, path);
    return label && `user=${label}`;
  }

  #userLabel(text: string, path: Path): string | undefined {
    const value = text.replace(/@$/, "").replaceAll(/[^A-Za-z0-9._/-]/g, ".").slice(0, 63);
    if (value === "") {
      return this.#skip(path, `${JSON.stringify(text)} is not carried over: it is nobody's name`);
    }
    if (!this.#isAlone(`the label user=${value}`, text, path)) return undefined;
    this.#labels.add(`user=${value}`);
    return value;
  }

  #isAlone(name: string, origin: string, path: Path): boolean {
    const known = this.#origins.get(name) ?? origin;
    this.#origins.set(name, known);
    if (known !== origin) {
      this.#note(path, `${origin} is not carried over: ${name} is that of ${known} already`);
    }
    return known === origin;
  }

  /** @returns ports as rules have them; undefined, with a note, where there are none like that here */
  #ports(text: string, proto: unknown, path: Path): readonly string[] | undefined {
    const name = proto === undefined || proto === "" || proto === "*"
      ? undefined
      : String(proto).toLowerCase();
    if (parsePorts(text) === undefined) {
      return this.#skip(path, `the ports ${JSON.stringify(text)} are not carried over: they are none`);
    }
    if (name === undefined) {
      return text === "*" ? ["*"] : [...USUAL_PROTOCOLS.map((one) => `${one}/${text}`), "icmp"];
    }
    const protocol = name === "ipv6-icmp" || name === "1" || name === "58"
      ? "icmp"
      : NUMBERS.get(name) ?? name;
    if (/^(tcp|udp|sctp)$/.test(protocol)) return [text === "*" ? protocol : `${protocol}/${text}`];
    if (protocol === "icmp" || (/^\d{1,3}$/.test(protocol) && Number(protocol) <= 255)) return [protocol];
    return this.#skip(path, `the protocol ${JSON.stringify(name)} is not carried over: write its number`);
  }

  #list(key: string): readonly unknown[] {
    const value = this.#root[key];
    return Array.isArray(value) ? value : [];
  }

  #checkLists(holder: Fields, keys: readonly string[], path: Path): void {
    for (const key of keys) {
      const value = holder[key];
      if (value === undefined) {
        if (path.length > 0) this.#note(path, `${path[0]}[${path[1]}] has no ${key}`);
      } else if (!Array.isArray(value) || path.length > 0 && textsOf(value).length < value.length) {
        this.#note(
          [...path, key],
          `${key} is not carried over: it is no list${path.length > 0 ? " of texts" : ""}`,
        );
      }
    }
  }

  #leave<T>(path: Path, why: string): readonly T[] {
    this.#note(path, `${path[0]}[${path[1]}] is not carried over: ${why}`);
    return [];
  }

  #skip(path: Path, message: string): undefined {
    this.#note(path, message);
    return undefined;
  }

  #note(path: Path, message: string): void {
    // One line each: they become comments, which must end where their line does.
    // deno-lint-ignore no-control-regex
    const line = message.replaceAll(/[\x00-\x1f\x7f\u0085\u2028\u2029]+/g, " ");
    this.notes.push({ position: this.#positionOf(path), message: line });
  }
}

const NUMBERS = new Map(Object.entries({
  "6": "tcp",
  "17": "udp",
  "132": "sctp",
  igmp: "2",
  ipv4: "4",
  "ip-in-ip": "4",
  egp: "8",
  igp: "9",
  gre: "47",
  esp: "50",
  ah: "51",
}));

function allow(from: readonly string[], to: string, ports: readonly string[]): object {
  const [one = ""] = ports;
  const isNumber = /^\d+$/.test(one);
  const what = one === "*" ? {} : isNumber ? { protocol: one } : { ports };
  return { allow: { from: from.length === 1 ? from[0] : from, to, ...what } };
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Fields : {};
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}
