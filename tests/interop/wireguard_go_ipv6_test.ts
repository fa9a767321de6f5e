import { testWireGuardGo } from "./wireguard_go_peers.ts";

testWireGuardGo(6, "fd00:200::/64");
