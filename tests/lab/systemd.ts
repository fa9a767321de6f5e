/**
 * A systemd of its own for one host of the lab: process 1 of a process namespace, with units of the test alone.
 * @module
 */

import { type CapturedProcess, run } from "./captured_process.ts";
import type { NetworkNamespace, Place } from "./namespace.ts";
import type { Requirement } from "./requirements.ts";
import { findProgram } from "./requirements.ts";
import { waitFor } from "./wait_for.ts";

/** What `startSystemd` needs beside namespaces. */
export const SYSTEMD: readonly Requirement[] = [
  "unshare",
  "nsenter",
  "mount",
  "bash",
  "systemd",
  "systemctl",
];

/** Everything that systemd keeps of its own accord, or a unit may write to, is in memory; nobody else sees it. */
const INSIDE = `set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /mnt
cp -a /etc/. /mnt; rm -rf /mnt/systemd; mkdir -p /mnt/systemd/system
# Of ip-netns(8); a mount that is covered would still be listed.
umount /etc/resolv.conf || true
mount --move /mnt /etc
for folder in /run /opt /home /srv /var/lib; do mount -t tmpfs -o mode=755 tmpfs "$folder"; done
mkdir -p /run/units /run/generators /run/lock /opt/weft
mount --bind "$CHECKOUT" /opt/weft
mount -t proc proc /proc
for path in $(awk '$3 ~ /^cgroup/ { print $2 }' /proc/self/mounts | tac); do umount "$path"; done
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for name in sysinit basic shutdown sockets timers paths local-fs umount network-online multi-user; do
  printf '[Unit]\\nDescription=%s\\nDefaultDependencies=no\\n' "$name" > "/run/units/$name.target"
done
export container=lab SYSTEMD_UNIT_PATH=/etc/systemd/system:/run/units SYSTEMD_GENERATOR_PATH=/run/generators
exec "$SYSTEMD" --system --unit=basic.target --log-target=console --show-status=no`;

/** It manages a part of the hierarchy of groups that is its own. */
const OUTSIDE = `set -e
mount -t cgroup2 cgroup2 /mnt
group=/mnt/weft-lab-$$
mkdir "$group"
trap : TERM
bash -c 'echo $$ > "$0/cgroup.procs"; exec unshare --mount --pid --fork --kill-child --ipc --uts --cgroup bash -c "$INSIDE"' "$group" &
echo "started $!"
wait || true
echo 1 > "$group/cgroup.kill"
wait || true
# Process 1 is the last to go.
for turn in $(seq 100); do
  if find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; then break; fi
  sleep 0.05
done`;

/** A systemd that runs. Disposing it ends it and its units. */
export interface RunningSystemd extends AsyncDisposable {
  /** The host as its units see it; the checkout is /opt/weft there. */
  readonly place: Place;
}

/** Starts systemd in a namespace. @param checkout of weft, readable by root */
export async function startSystemd(namespace: NetworkNamespace, checkout: string): Promise<RunningSystemd> {
  const command = ["unshare", "--mount", "--propagation", "private", "bash", "-c", OUTSIDE];
  const env = { INSIDE, CHECKOUT: checkout, SYSTEMD: findProgram("systemd") ?? "" };
  const service: CapturedProcess = namespace.spawn(command, { env, label: "systemd" });
  try {
    const parent = await service.until(
      ({ stdout }) => /^started (\d+)$/m.exec(stdout)?.[1],
      10_000,
      "it forks",
    );
    const pid = await waitFor(() => childOf(Number(parent)), 10_000, { what: "process 1" });
    const kinds = ["--mount", "--pid", "--ipc", "--uts", "--net", "--cgroup"];
    const enter = ["nsenter", "--target", String(pid), ...kinds, "env", "-C", "/"];
    const place: Place = {
      label: `${namespace.label} with systemd`,
      command: (args) => [...enter, ...args],
    };
    const isUp = async (): Promise<boolean> =>
      (await run(place.command(["systemctl", "is-system-running"]))).stdout === "running\n";
    await service.until(isUp, 15_000, "it is up");
    return {
      place,
      [Symbol.asyncDispose]: async () => void await service.stop(),
    };
  } catch (error) {
    await service[Symbol.asyncDispose]();
    throw error;
  }
}

async function childOf(pid: number): Promise<number | undefined> {
  const children = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`).catch(() => "");
  return children === "" ? undefined : Number(children.trim());
}
