// deno-lint-ignore-file no-console -- the reason of a skipped test belongs in the output
import assert from "node:assert/strict";
import { MachineCode } from "./machine_code.ts";

const isHere = Deno.build.os === "linux" && Deno.build.arch === "x86_64";
// mov rax, [rdi]; add rax, 1; mov [rdi], rax; xor eax, eax; ret
const COUNT = Uint8Array.fromHex("488b074883c00148890731c0c3");

/** What this process may do with the byte at an address, as proc_pid_maps(5) shows it; undefined where nothing is. */
function permissionsAt(address: bigint): string | undefined {
  for (const line of Deno.readTextFileSync("/proc/self/maps").split("\n")) {
    const [, start = "0", end = "0", permissions] = /^([0-9a-f]+)-([0-9a-f]+) (\S{3})/.exec(line) ?? [];
    if (address >= BigInt(`0x${start}`) && address < BigInt(`0x${end}`)) return permissions;
  }
  return undefined;
}

function onThisProcessor(name: string, fn: () => void): void {
  if (!isHere) console.log(`skipped: ${name}: needs Linux on x86-64`);
  Deno.test({ name, ignore: !isHere, fn });
}

onThisProcessor("MachineCode.call() calls once, with the address of the context", () => {
  // Behind another function, so that it is entered further on.
  const code = MachineCode.load(Uint8Array.of(0xc3, ...new Uint8Array(15), ...COUNT), 64);
  const counts = new BigUint64Array(code.context.buffer, code.context.byteOffset, 8);
  for (let i = 0; i < 1000; i++) code.call(16);
  assert.deepEqual([...counts], [1000n, 0n, 0n, 0n, 0n, 0n, 0n, 0n]);
  code.unload();
});

onThisProcessor(
  "MachineCode is never writable and executable, and nobody may touch the pages around it",
  () => {
    const code = MachineCode.load(COUNT, 5000);
    const page = 4096n, context = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(code.context)));
    assert.equal(code.context.length, Number(2n * page));
    const places = {
      "before the code": context - 3n * page,
      "the code": context - 2n * page,
      "behind the code": context - page,
      "the context": context,
      "its end": context + 2n * page - 1n,
      "behind the context": context + 2n * page,
    };
    const found = Object.entries(places).map(([what, address]) => `${what}: ${permissionsAt(address)}`);
    assert.deepEqual(found, [
      "before the code: ---",
      "the code: r-x",
      "behind the code: ---",
      "the context: rw-",
      "its end: rw-",
      "behind the context: ---",
    ]);
    code.unload();
    // Something else may be there by now, but hardly the same.
    assert.notDeepEqual([permissionsAt(context - 2n * page), permissionsAt(context)], ["r-x", "rw-"]);
  },
);
