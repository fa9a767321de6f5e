/**
 * A systemd-resolved of its own for one host of the lab.
 * @module
 */

import { type CapturedProcess, run } from "./captured_process.ts";
import type { NetworkNamespace, Place } from "./namespace.ts";
import { findProgram, type Requirement } from "./requirements.ts";

/** What `startResolved` needs beside namespaces. */
export const RESOLVED: readonly Requirement[] = [
  "unshare",
  "nsenter",
  "dbus-daemon",
  "systemd-resolved",
  "resolvectl",
];

/** A message bus on which everything is allowed. */
const BUS_CONFIGURATION = `<busconfig><type>system</type>
<listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>
<allow receive_sender="*"/></policy></busconfig>`;

/** It runs as a user of its own, which may be missing, and it owns its folder. */
const SCRIPT = `set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/dbus /run/systemd/resolve
printf '%s' "$BUS" > /run/bus.conf
dbus-daemon --config-file=/run/bus.conf --nopidfile --fork --nosyslog
if ! getent passwd systemd-resolve >/dev/null; then
  for file in passwd group; do cp /etc/$file /run/$file; done
  echo 'systemd-resolve:x:64998:64998::/:/usr/sbin/nologin' >> /run/passwd
  echo 'systemd-resolve:x:64998:' >> /run/group
  for file in passwd group; do mount --bind /run/$file /etc/$file; done
fi
chown systemd-resolve:systemd-resolve /run/systemd/resolve
exec "$RESOLVED"`;

/** A systemd-resolved that runs. Disposing it ends it. */
export interface RunningResolved extends AsyncDisposable {
  /** The host with its own /run, in which programs find the service and its stub. */
  readonly place: Place;
}

/** Starts systemd-resolved in a namespace, whose resolv.conf becomes its stub's. */
export async function startResolved(namespace: NetworkNamespace): Promise<RunningResolved> {
  await Deno.writeTextFile(namespace.resolverConfPath, "nameserver 127.0.0.53\noptions edns0 trust-ad\n");
  const command = ["unshare", "--mount", "--propagation", "private", "bash", "-c", SCRIPT];
  const env = { BUS: BUS_CONFIGURATION, RESOLVED: findProgram("systemd-resolved") ?? "" };
  const service: CapturedProcess = namespace.spawn(command, { env, label: "systemd-resolved" });
  const enter = ["nsenter", "--target", String(service.pid), "--mount", "--net"];
  const place: Place = {
    label: `${namespace.label} with systemd-resolved`,
    command: (args) => [...enter, ...args],
  };
  try {
    const answers = async (): Promise<boolean> =>
      (await run(place.command(["timeout", "2", "resolvectl", "domain"]))).code === 0;
    await service.until(answers, 15_000, "it answers");
    return { place, [Symbol.asyncDispose]: () => service[Symbol.asyncDispose]() };
  } catch (error) {
    await service[Symbol.asyncDispose]();
    throw error;
  }
}
