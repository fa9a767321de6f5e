import assert from "node:assert/strict";
import { fetchPage, Lab, labTest, measureThroughput, NAMESPACES, servePage } from "./mod.ts";

labTest("servePage() serves inside a host, and fetchPage() fetches from another", NAMESPACES, async () => {
  await using lab = await Lab.create(["A", "B"]);
  const [a, b] = [lab.host("A"), lab.host("B")];
  await using _server = await servePage(b.namespace, b.address4, { port: 8080, text: "héllo" });
  const url = `http://${b.address4}:8080/`;
  const { text, ms } = await fetchPage(a.namespace, url);
  assert.equal(text, "héllo");
  assert(ms > 0 && ms < 5_000);
});

labTest("measureThroughput() measures TCP and UDP", [...NAMESPACES, "iperf3"], async () => {
  await using lab = await Lab.create(["A", "B"]);
  const [a, b] = [lab.host("A"), lab.host("B")];
  const to = { place: b.namespace, address: b.address4 };
  const tcp = await measureThroughput(a.namespace, to, ["-n", "10M"]);
  // The server stops counting when the client says that it is done; what is on its way then is not counted.
  assert(tcp.bytes > 1e6, `${tcp.bytes} bytes arrived`);
  const udp = await measureThroughput(a.namespace, to, ["-u", "-b", "50M", "-n", "1M"]);
  assert(udp.bitsPerSecond > 1e6);
  assert(udp.lostPercent !== undefined && udp.lostPercent < 50);
});
