/**
 * The lab: several hosts on one machine, programs inside them, and handles on weft and wireguard-go. Everything it
 * makes is disposable and is gone afterwards, also when a test fails; what a killed run left is removed by the next.
 * It never touches this machine's own interfaces, routes or firewall.
 * @module
 */

export * from "./captured_process.ts";
export * from "./checkout.ts";
export * from "./documentation.ts";
export * from "./host_counters.ts";
export * from "./internet/direct_path.ts";
export * from "./internet/internet.ts";
export * from "./internet/internet_host.ts";
export * from "./internet/kinds.ts";
export * from "./internet/nat_probe.ts";
export * from "./internet/network.ts";
export * from "./internet/site.ts";
export * from "./internet/steady_flow.ts";
export * from "./killed_writer.ts";
export * from "./lab.ts";
export * from "./namespace.ts";
export * from "./nodes/frame_nodes.ts";
export * from "./nodes/node_program.ts";
export * from "./nodes/open_vswitch.ts";
export * from "./nodes/packet_thread.ts";
export * from "./nodes/weft_mesh.ts";
export * from "./nodes/weft_node.ts";
export * from "./nodes/wg_device.ts";
export * from "./nodes/wireguard_go.ts";
export * from "./programs.ts";
export * from "./requirements.ts";
export * from "./resolved.ts";
export * from "./scratch.ts";
export * from "./seed.ts";
export * from "./systemd.ts";
export * from "./wait_for.ts";
