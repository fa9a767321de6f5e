/**
 * Following settings while the node runs: they are read again as the next start would read them, and each group of those
 * that can change is handed to the part that it is for. What a part cannot follow stays as it was.
 *
 *     file, kept --> NodeSettings.reread() --> adopt(group) --> part.apply() --> changed | taken back, failed
 *                                          \-> what needs a restart: pending
 *
 * @module
 */

import type { ReloadReport, SettingValue } from "../api/mod.ts";
import { WeftError } from "../base/mod.ts";
import {
  type AgentOptions,
  checkPairs,
  FIELD_ENTRIES,
  FIELDS,
  type OptionName,
  optionText,
  TEST_OPTIONS,
} from "../config/mod.ts";
import type { Agent } from "./agent.ts";
import { InterruptedError } from "./errors.ts";
import { checkDeclared } from "./networks/mod.ts";
import type { NodeSettings, RereadSettings } from "./start/mod.ts";

/** A part of a node, or of who runs it, that follows settings together. */
export interface SettingFollower {
  readonly names: readonly OptionName[];
  /** Whether it looks at every reload: what a file holds that a setting names may have changed. */
  readonly isAlways?: boolean;
  /**
   * Goes on by the options as they are now. When it fails, it is called again with those from before.
   * @returns false when nothing has changed
   * @throws WeftError
   */
  apply(options: AgentOptions): boolean | void | Promise<boolean | void>;
}

/** @returns the parts of a running agent that follow */
export function agentFollowers(agent: Agent): readonly SettingFollower[] {
  return [
    { names: ["endpoints", "labels", "relay"], apply: () => agent.followStatement() },
    {
      names: ["relayPorts", "relayLimitMbit", "relaySessionLimitMbit"],
      apply: () => agent.relay.reopen(),
    },
    // Nothing holds it: it is read when a copy is asked for.
    { names: ["recoveryKey"], apply: () => false },
    { names: ["offers", "forwardAllow"], apply: (options) => agent.offers.follow(options) },
    {
      names: ["dns", "dnsPorts", "dnsForward", "dnsResolver", "dnsTtlSeconds", "dnsServiceTtlSeconds"],
      apply: () => agent.reopenSession(true),
    },
    {
      names: [
        "discovery",
        "discoveryPeers",
        "discoveryDht",
        "discoveryDhtBootstrap",
        "portMapping",
        "stunServers",
      ],
      apply: () => agent.reopenSession(false),
    },
  ];
}

/** What a reload needs. */
export interface ReloaderParts {
  readonly settings: Pick<NodeSettings, "options" | "reread" | "adopt">;
  readonly followers: readonly SettingFollower[];
  /** Whether the node runs: one that does not has nothing to follow. */
  isRunning(): boolean;
}

/** Reloads, one after the other. */
export class Reloader {
  readonly #parts: ReloaderParts;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: ReloaderParts) {
    this.#parts = parts;
  }

  /**
   * Reads the settings again, and follows what can change.
   * @returns what has changed, and what has not
   * @throws InvalidConfigError when what is said cannot be used; nothing has changed then
   * @throws InterruptedError when the node does not run
   */
  reload(): Promise<ReloadReport> {
    const done = this.#last.then(() => this.#reload());
    this.#last = done.catch(() => {});
    return done;
  }

  async #reload(): Promise<ReloadReport> {
    const { settings, followers, isRunning } = this.#parts;
    if (!isRunning()) throw new InterruptedError();
    const next = await settings.reread();
    checkPairs(next.options);
    checkDeclared(next.options);
    const changes = FIELD_ENTRIES.map(([name]) => name)
      .filter((name) => text(settings.options, name) !== text(next.options, name));
    const changed: ReloadReport["changed"][number][] = [];
    const failed: ReloadReport["failed"][number][] = [];
    // Where they come from may have changed, and what they are has not.
    const others = FIELD_ENTRIES.map(([name]) => name).filter((name) => !changes.includes(name));
    settings.adopt(next, others);
    for (const follower of followers) {
      const names = follower.names.filter((name) => changes.includes(name));
      if (names.length === 0 && follower.isAlways !== true) continue;
      const problem = await this.#follow(follower, next, names);
      if (problem === false) continue;
      if (problem === undefined) {
        const told = names.length > 0 ? names : follower.names.slice(0, 1);
        changed.push(
          ...told.map((name) => ({ name: FIELDS[name].flag, value: value(settings.options, name) })),
        );
      } else failed.push({ names: (names.length > 0 ? names : follower.names).map(flagOf), ...problem });
    }
    const followed = followers.flatMap(({ names }) => names);
    const pending = changes.filter((name) => !followed.includes(name) && isOwn(name)).map((name) => ({
      name: FIELDS[name].flag,
      value: value(settings.options, name),
      next: value(next.options, name),
    }));
    return { changed, pending, failed };
  }

  /** @returns what went wrong; undefined when the part follows, false when there was nothing to follow */
  async #follow(
    follower: SettingFollower,
    next: RereadSettings,
    names: readonly OptionName[],
  ): Promise<{ readonly problem: string; readonly hint?: string } | undefined | false> {
    const { settings } = this.#parts;
    const takeBack = settings.adopt(next, names);
    try {
      const hasChanged = await follower.apply(settings.options);
      return hasChanged === false && names.length === 0 ? false : undefined;
    } catch (error) {
      takeBack();
      if (!(error instanceof WeftError)) throw error;
      if (names.length > 0) await Promise.resolve(follower.apply(settings.options)).catch(() => {});
      return { problem: error.message, ...error.hint !== undefined && { hint: error.hint } };
    }
  }
}

/** What the network says of a node is none of its settings any more, and where its state is neither. */
function isOwn(name: OptionName): boolean {
  return !["stateDir", "name", "address", "cidr", ...TEST_OPTIONS].includes(name);
}

function flagOf(name: OptionName): string {
  return FIELDS[name].flag;
}

function value(options: AgentOptions, name: OptionName): SettingValue {
  const set = options[name];
  return set === undefined ? null : optionText(set);
}

function text(options: AgentOptions, name: OptionName): string {
  return JSON.stringify(value(options, name));
}
