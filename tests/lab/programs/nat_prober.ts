// deno-lint-ignore-file no-console -- whoever started it reads the line
/**
 * Finds out how a NAT behaves with the help of `nat_responder.ts` (RFC 5780 §4.3, §4.4):
 * `nat_prober.ts LOCAL_PORT ADDRESS OTHER_ADDRESS PORT OTHER_PORT [AFTER_MS]`. Prints one line of JSON; with AFTER_MS it says only
 * where it was seen, and whether an answer passes that comes so much later.
 * @module
 */

const [localPort = "0", address = "", otherAddress = "", port = "", otherPort = "", afterMs] = Deno.args;
const ATTEMPTS = 2;
const ATTEMPT_MS = 500;

const hostname = address.includes(":") ? "::" : "0.0.0.0";
const socket = Deno.listenDatagram({ transport: "udp", hostname, port: Number(localPort) });
const answers = new Map<number, (from: string) => void>();
(async () => {
  for await (const [bytes] of socket) {
    const { n, from } = JSON.parse(new TextDecoder().decode(bytes));
    answers.get(n)?.(from);
  }
})();
let count = 0;

/** @returns the address that was seen, or undefined when nothing came back */
async function askOnce(
  to: string,
  toPort: string,
  request: { readonly answerFrom?: number; readonly afterMs?: number } = {},
): Promise<string | undefined> {
  const n = count++;
  const answered = new Promise<string | undefined>((resolve) => {
    answers.set(n, resolve);
    setTimeout(() => resolve(undefined), ATTEMPT_MS + (request.afterMs ?? 0));
  });
  const target = { transport: "udp", hostname: to, port: Number(toPort) } as const;
  // Where nothing leaves, sending fails too.
  await socket.send(new TextEncoder().encode(JSON.stringify({ n, ...request })), target).catch(() => {});
  return await answered;
}

async function ask(to: string, toPort: string, answerFrom?: number): Promise<string | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const from = await askOnce(to, toPort, answerFrom === undefined ? {} : { answerFrom });
    if (from !== undefined) return from;
  }
}

async function probe(): Promise<unknown> {
  const first = await ask(address, port);
  if (first === undefined) return { hasUdp: false };
  if (afterMs !== undefined) {
    const late = await askOnce(address, port, { afterMs: Number(afterMs) });
    return { hasUdp: true, seen: first, isLateHeard: late !== undefined };
  }
  // Filtering first: it is what was not called yet that must answer.
  const fromOther = await ask(address, port, 3);
  const fromOtherPort = fromOther ?? await ask(address, port, 1);
  const seen = [first, await ask(address, otherPort), await ask(otherAddress, port)];
  return {
    hasUdp: true,
    seen: first,
    mapping: new Set(seen).size === 1 ? "endpoint-independent" : "address-and-port-dependent",
    filtering: fromOther !== undefined
      ? "endpoint-independent"
      : fromOtherPort !== undefined
      ? "address-dependent"
      : "address-and-port-dependent",
  };
}

console.log(JSON.stringify(await probe()));
Deno.exit();
