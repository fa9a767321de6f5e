/**
 * A gateway that lies by every protocol: `lying_gateway.ts ADDRESS ELSEWHERE`. By PCP it has mapped a port of the loopback, by
 * NAT-PMP another port than it was asked for, and by UPnP its description is ELSEWHERE, then at its own port 5000, where it
 * has no end. It prints `ready`, and `page` for each byte stream that asks for one.
 *
 * @module
 */
// deno-lint-ignore-file no-console -- who started it reads the lines

const [hostname = "", elsewhere = ""] = Deno.args;

const gateway = Deno.listenDatagram({ transport: "udp", hostname, port: 5351 });
(async () => {
  for await (const [request, from] of gateway) {
    await gateway.send(request[0] === 2 ? pcp(request) : natPmp(request), from);
  }
})();

function pcp(request: Uint8Array): Uint8Array {
  const answer = new Uint8Array(60);
  answer.set([2, 0x81]);
  answer.set(request.subarray(4, 8), 4);
  answer.set(request.subarray(24, 44), 24);
  answer.set([0xff, 0xff, 127, 0, 0, 1], 54);
  return answer;
}

function natPmp(request: Uint8Array): Uint8Array {
  const opcode = request[1] ?? 0;
  if (opcode === 0) return Uint8Array.of(0, 128, 0, 0, 0, 0, 0, 9, 8, 8, 8, 8);
  return Uint8Array.of(0, 128 | opcode, 0, 0, 0, 0, 0, 9, 0, 22, 0, 22, 0, 0, 14, 16);
}

const search = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 1900 });
(async () => {
  for await (const [request, from] of search) {
    const type = /^ST: (\S+)$/m.exec(new TextDecoder().decode(request))?.[1] ?? "";
    for (const location of [`http://${elsewhere}/a.xml`, `http://${hostname}:5000/a.xml`]) {
      const answer = `HTTP/1.1 200 OK\r\nST: ${type}\r\nLOCATION: ${location}\r\n\r\n`;
      await search.send(new TextEncoder().encode(answer), from);
    }
  }
})();

const pages = Deno.listen({ hostname, port: 5000 });
(async () => {
  for await (const connection of pages) {
    console.log("page");
    void answerWithoutEnd(connection).catch(() => {});
  }
})();

async function answerWithoutEnd(connection: Deno.TcpConn): Promise<void> {
  const writer = connection.writable.getWriter();
  await writer.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
  const chunk = new TextEncoder().encode(`1000\r\n${"<root>".padEnd(4096, " ")}\r\n`);
  for (;;) await writer.write(chunk);
}
console.log("ready");
