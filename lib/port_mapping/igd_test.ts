import assert from "node:assert/strict";
import fc from "fast-check";
import { utf8Bytes } from "../base/mod.ts";
import { HttpAnswerDecoder, MAX_ANSWER_BYTES } from "./http_message.ts";
import {
  decodeAction,
  decodeDescription,
  encodeAddMapping,
  encodeGetAddress,
  externalAddressOf,
  reservedPortOf,
} from "./igd.ts";
import { decodeSearchAnswer, encodeSearch, IGD_TYPES, parsePageUrl } from "./ssdp.ts";
import { endpoint, fault } from "./testing/memory_gateway.ts";
import { escapeXml, parseXml } from "./xml.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const PAGE = { endpoint: endpoint("192.168.7.1:5000"), path: "/rootDesc.xml" };

function decodeWhole(bytes: Uint8Array) {
  const decoder = new HttpAnswerDecoder();
  if (decoder.push(bytes)) decoder.end();
  return decoder.answer;
}

const ANSWERS: readonly (readonly [name: string, answer: string, body: string | undefined])[] = [
  ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", "abc"],
  ["no length", "HTTP/1.0 200 OK\r\nServer: x\r\n\r\nabc", "abc"],
  ["no header", "HTTP/1.1 500\r\n\r\nabc", "abc"],
  ["bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", "abc"],
  [
    "chunks",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    "abcde",
  ],
  [
    "a chunk without its end",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\n0\r\n\r\n",
    undefined,
  ],
  ["a chunk of a megabyte", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\nabc", undefined],
  ["a length of a megabyte", "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", undefined],
  ["a length below zero", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", undefined],
  ["less than its length", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", undefined],
  ["another encoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc", undefined],
  ["a header without a colon", "HTTP/1.1 200 OK\r\nabc\r\n\r\nabc", undefined],
  ["another protocol", "SSH-2.0-x\r\n\r\n", undefined],
  ["nothing", "", undefined],
  ["a header without end", `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(4000)}`, undefined],
];

for (const [name, answer, body] of ANSWERS) {
  Deno.test(`HttpAnswerDecoder ${body === undefined ? "rejects" : "reads"} an answer with ${name}, at once and byte by byte`, () => {
    const bytes = utf8Bytes(answer);
    const whole = decodeWhole(bytes);
    assert.equal(whole && text(whole.body), body);
    const decoder = new HttpAnswerDecoder();
    let hasMore = true;
    for (let at = 0; at < bytes.length && hasMore; at++) hasMore = decoder.push(bytes.subarray(at, at + 1));
    if (hasMore) decoder.end();
    assert.equal(decoder.answer && text(decoder.answer.body), body);
  });
}

Deno.test("HttpAnswerDecoder takes 128 KiB and no more, and any bytes without throwing", () => {
  const head = utf8Bytes("HTTP/1.1 200 OK\r\n\r\n");
  const decoder = new HttpAnswerDecoder();
  decoder.push(head);
  const piece = new Uint8Array(4096);
  let taken = head.length;
  while (decoder.push(piece)) taken += piece.length;
  assert(taken <= MAX_ANSWER_BYTES && taken > MAX_ANSWER_BYTES - piece.length);
  decoder.end();
  assert.equal(decoder.answer, undefined);
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), (pieces) => {
    const random = new HttpAnswerDecoder();
    for (const each of [utf8Bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), ...pieces]) {
      random.push(each);
    }
    random.end();
  }));
});

const XML: readonly (readonly [text: string, name: string | undefined])[] = [
  ["<?xml version='1.0'?>\n<!-- x --><a:b c='1' d=\"2\"><e/>&amp;&#65;</a:b>\n", "b"],
  ["\ufeff<a></a>", "a"],
  ["<a><![CDATA[<b>]]></a>", "a"],
  ["", undefined],
  ["<a>", undefined],
  ["</a>", undefined],
  ["<a></b>", undefined],
  ["<a></a><b></b>", undefined],
  ["x<a></a>", undefined],
  ["<a>&b;</a>", undefined],
  ["<a>& </a>", undefined],
  ["<a>&#0;</a>", undefined],
  ["<!DOCTYPE a><a></a>", undefined],
  ["<a b></a>", undefined],
  ["<a b='<'></a>", undefined],
  ["<!-- <a></a>", undefined],
  ["<a>".repeat(25) + "</a>".repeat(25), undefined],
  [`<r>${"<a/>".repeat(5000)}</r>`, undefined],
  [`<a>${"x".repeat(3000)}</a>`, undefined],
];

for (const [document, name] of XML) {
  Deno.test(`parseXml() ${name === undefined ? "rejects" : "reads"} ${JSON.stringify(document.slice(0, 40))}`, () => {
    assert.equal(parseXml(document)?.name, name);
  });
}

Deno.test("parseXml() reads what escapeXml() wrote, and any text without throwing", () => {
  fc.assert(fc.property(fc.string({ maxLength: 200 }), (value) => {
    const plain = value.replace(/[\0\r]/g, "").trim();
    assert.equal(parseXml(`<a>${escapeXml(plain)}</a>`)?.text, plain);
    parseXml(value);
    parseXml(`<a>${value}</a>`);
  }));
  const piece = fc.constantFrom(
    "<a>",
    "</a>",
    "<b c='d'/>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "&lt;",
    "x",
    "<?",
    "?>",
  );
  fc.assert(fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
    parseXml(pieces.join(""));
  }));
});

Deno.test("encodeSearch() asks the group for an answer within a second, and one device without", () => {
  const type = IGD_TYPES[0] ?? "";
  assert.equal(
    text(encodeSearch(type, endpoint("239.255.255.250:1900"))),
    `M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: ${type}\r\n\r\n`,
  );
  assert(!text(encodeSearch(type, endpoint("192.168.7.1:1900"))).includes("MX"));
});

Deno.test("decodeSearchAnswer() reads where a gateway's description is, and rejects others", () => {
  const answer = (lines: string) => utf8Bytes(`HTTP/1.1 200 OK\r\n${lines}\r\n\r\n`);
  const st = `ST: ${IGD_TYPES[0]}`;
  const found = decodeSearchAnswer(answer(`${st}\r\nLocation:http://192.168.7.1:5000/a?b`));
  assert.equal(`${found?.endpoint}${found?.path}`, "192.168.7.1:5000/a?b");
  const bad = [
    "LOCATION: http://192.168.7.1/",
    `ST: upnp:rootdevice\r\nLOCATION: http://192.168.7.1/`,
    `${st}\r\nLOCATION: http://192.168.7.1/\r\nLOCATION: http://192.168.7.1/`,
    `${st}\r\nLOCATION: https://192.168.7.1/`,
    `${st}\r\nLOCATION: file:///etc/passwd`,
    `${st}\r\nLOCATION: http://router/`,
    `${st}\r\nLOCATION: http://a@192.168.7.1/`,
    `${st}\r\nLOCATION: http://192.168.7.1:0/`,
    `${st}\r\nLOCATION: http://192.168.7.1/${"a".repeat(600)}`,
  ];
  for (const lines of bad) assert.equal(decodeSearchAnswer(answer(lines)), undefined, lines);
  assert.equal(decodeSearchAnswer(utf8Bytes(`NOTIFY * HTTP/1.1\r\n${st}\r\n\r\n`)), undefined);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
    decodeSearchAnswer(bytes);
  }));
});

Deno.test("parsePageUrl() resolves what stands on a page, and lets nothing into a request's lines", () => {
  assert.equal(parsePageUrl("ctl/a", PAGE)?.path, "/ctl/a");
  assert.equal(parsePageUrl("http://[2001:db8::1]/a")?.endpoint.toString(), "[2001:db8::1]:80");
  for (const bad of ["", "/a\r\nX: y", "/a b", "http://192.168.7.1:99999/"]) {
    assert.equal(parsePageUrl(bad, PAGE), undefined, bad);
  }
});

function described(services: readonly (readonly [type: string, url: string])[], base = ""): Uint8Array {
  const list = services.map(([type, url]) =>
    `<service><serviceType>${type}</serviceType><controlURL>${url}</controlURL></service>`
  );
  return utf8Bytes(`<root>${base}<device><serviceList>${list.join("")}</serviceList></device></root>`);
}

Deno.test("decodeDescription() takes what maps ports at the gateway itself, the later version first", () => {
  const type = (name: string) => `urn:schemas-upnp-org:service:${name}`;
  const found = decodeDescription(
    described([
      [type("WANPPPConnection:1"), "/p"],
      [type("Layer3Forwarding:1"), "/l"],
      [type("WANIPConnection:1"), "http://192.168.7.1:80/one"],
      [type("WANIPConnection:2"), "http://192.168.7.9/two"],
    ]),
    PAGE,
  );
  assert.deepEqual(found.map(({ control }) => `${control.endpoint}${control.path}`), [
    "192.168.7.1:80/one",
    "192.168.7.1:5000/p",
  ]);
  const one = [[type("WANIPConnection:1"), "x"]] as const;
  const [based] = decodeDescription(described(one, "<URLBase>http://192.168.7.1:81/b/</URLBase>"), PAGE);
  assert.equal(`${based?.control.endpoint}${based?.control.path}`, "192.168.7.1:81/b/x");
  assert.deepEqual(decodeDescription(described(one, "<URLBase>http://192.168.7.9/</URLBase>"), PAGE), []);
  assert.deepEqual(decodeDescription(utf8Bytes("nonsense"), PAGE), []);
});

Deno.test("encodeAddMapping() writes the action of the service's version, with its values in order", () => {
  const connection = (version: number) => ({
    type: `urn:schemas-upnp-org:service:WANIPConnection:${version}`,
    control: PAGE,
  });
  const mapping = {
    transport: "udp",
    externalPort: 51821,
    internal: endpoint("192.168.7.2:51820"),
    leaseSeconds: 1200,
  } as const;
  const request = text(encodeAddMapping(connection(1), mapping, true));
  const [head = "", body = ""] = request.split("\r\n\r\n");
  assert.match(head, /^POST \/rootDesc\.xml HTTP\/1\.1\r\nHost: 192\.168\.7\.1:5000\r\n/);
  assert.match(head, /\r\nSOAPAction: "urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping"\r\n/);
  assert(head.endsWith(`Content-Length: ${body.length}`));
  assert.deepEqual([...body.matchAll(/<(New\w+)>([^<]*)</g)].map(([, name, value]) => `${name}=${value}`), [
    "NewRemoteHost=",
    "NewExternalPort=51821",
    "NewProtocol=UDP",
    "NewInternalPort=51820",
    "NewInternalClient=192.168.7.2",
    "NewEnabled=1",
    "NewPortMappingDescription=weft",
    "NewLeaseDuration=1200",
  ]);
  assert(text(encodeAddMapping(connection(2), mapping, true)).includes("#AddAnyPortMapping"));
  assert(text(encodeAddMapping(connection(2), mapping, false)).includes("#AddPortMapping"));
  assert(text(encodeGetAddress(connection(2))).includes("#GetExternalIPAddress"));
});

Deno.test("decodeAction() reads values and errors, and rejects what is neither", () => {
  const envelope = (body: string) => utf8Bytes(`<s:Envelope><s:Body>${body}</s:Body></s:Envelope>`);
  const done = decodeAction({
    status: 200,
    body: envelope("<u:xResponse><NewReservedPort>7</NewReservedPort></u:xResponse>"),
  });
  assert(done?.kind === "done");
  assert.equal(reservedPortOf(done.values), 7);
  assert.equal(externalAddressOf(done.values), undefined);
  const refused = decodeWhole(utf8Bytes(fault(718)));
  assert.deepEqual(refused && decodeAction(refused), { kind: "error", code: 718 });
  for (const body of ["", "<u:x/>", "<u:xResponse/><u:xResponse/>"]) {
    assert.equal(decodeAction({ status: 200, body: envelope(body) }), undefined, body);
  }
  assert.equal(decodeAction({ status: 500, body: envelope("<u:xResponse/>") }), undefined);
  for (const port of ["0", "70000", "-1", "1e3", ""]) {
    assert.equal(reservedPortOf(new Map([["NewReservedPort", port]])), undefined, port);
  }
});
