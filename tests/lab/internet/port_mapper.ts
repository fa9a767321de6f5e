/**
 * Debian's miniupnpd on a router: PCP (RFC 6887), NAT-PMP (RFC 6886) and UPnP IGD.
 * @module
 */

import { CapturedProcess } from "../captured_process.ts";
import type { NetworkNamespace } from "../namespace.ts";

/**
 * Starts it between `wan` and `lan`, and waits until it listens. The outside address must be none that is reserved, or it
 * maps nothing.
 * @param folder for its configuration
 */
export async function startPortMapper(router: NetworkNamespace, folder: string): Promise<CapturedProcess> {
  const path = `${folder}/miniupnpd.conf`;
  await Deno.writeTextFile(path, CONFIGURATION);
  const command = ["miniupnpd", "-d", "-f", path, "-P", `${folder}/miniupnpd.pid`];
  const process = new CapturedProcess(router.command(command), { label: `${router.label}: miniupnpd` });
  try {
    // Its HTTP socket is the last that it opens.
    await process.until(
      async () => (await router.expectRun(["ss", "-Hlnu", "sport = :5351"])).trim() !== "",
      10_000,
      "it listens",
    );
    return process;
  } catch (error) {
    await process[Symbol.asyncDispose]();
    throw error;
  }
}

const CONFIGURATION = `ext_ifname=wan
listening_ip=lan
http_port=5000
enable_natpmp=yes
enable_upnp=yes
secure_mode=yes
ipv6_disable=yes
upnp_table_name=filter
upnp_nat_table_name=filter
upnp_forward_chain=miniupnpd
upnp_nat_chain=prerouting_miniupnpd
upnp_nat_postrouting_chain=postrouting_miniupnpd
min_lifetime=2
max_lifetime=86400
notify_interval=60
system_uptime=no
uuid=6c696e6b-0000-4000-8000-000000000001
allow 1024-65535 0.0.0.0/0 1024-65535
`;
