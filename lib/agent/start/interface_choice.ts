/**
 * The name of a node's interface where nobody has said one: the usual, or the next that is free when another network of this
 * host has that.
 * @module
 */

import type { Logger, StateStore } from "../../base/mod.ts";
import { DEFAULT_INTERFACE_NAME } from "../../config/mod.ts";
import { canConfigureNetwork, HostJournal, Netlink } from "../../host/mod.ts";
import type { NodeSettings } from "./node_settings.ts";

/** So many networks of one host are told apart without being told. */
const MAX_INTERFACES = 64;

/** Chooses a name, which is kept, so that rules of a firewall hold after the next start, too. */
export function chooseInterface(settings: NodeSettings, store: StateStore, log: Logger): void {
  const { rootless, interfaceName } = settings.options;
  if (rootless || !settings.isDefault("interfaceName") || !canConfigureNetwork()) return;
  // What an agent with this state has left by a crash is made anew.
  const isLeft = new HostJournal(store).changes().some((change) =>
    change.kind === "interface" && change.name === interfaceName
  );
  if (isLeft) return;
  using netlink = Netlink.open();
  const free = freeInterface((name) => netlink.linkExists(name));
  if (free === undefined || free === interfaceName) return;
  log.info("another network has the usual interface", { usual: interfaceName, interface: free });
  settings.choose("interfaceName", free);
}

/** @returns the first of weft0, weft1, … that is not there; undefined when all are */
export function freeInterface(exists: (name: string) => boolean): string | undefined {
  const stem = DEFAULT_INTERFACE_NAME.replace(/\d+$/, "");
  for (let number = 0; number < MAX_INTERFACES; number++) {
    const name = `${stem}${number}`;
    if (!exists(name)) return name;
  }
  return undefined;
}
