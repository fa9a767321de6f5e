import { testWireGuardGo } from "./wireguard_go_peers.ts";

testWireGuardGo(4, "10.200.0.0/24");
