import assert from "node:assert/strict";
import { createScratch, expectRun, labTest } from "../../../tests/lab/mod.ts";
import { encodeQr, type QrCode, qrText } from "./device_config.ts";

Deno.test("encodeQr() takes the smallest size, and 2953 bytes at most", () => {
  for (const [length, size] of [[17, 21], [18, 25], [230, 53], [231, 57], [2953, 177]] as const) {
    assert.equal(encodeQr("x".repeat(length))?.size, size, String(length));
  }
  assert.equal(encodeQr("x".repeat(2954)), undefined);
});

Deno.test("qrText() draws every module and a quiet zone", () => {
  const code = encodeQr("weft");
  assert(code !== undefined);
  const lines = qrText(code).trimEnd().split("\n");
  assert.equal(lines.length, Math.ceil((21 + 8) / 2));
  // deno-lint-ignore no-control-regex -- it sets the colours
  const plain = lines.map((line) => line.replace(/\x1b\[[\d;]*m/g, ""));
  assert.equal(plain[2]?.slice(4, 11), "█▀▀▀▀▀█");
  assert(plain.every((line) => line.length === 29));
});

labTest("what encodeQr() makes is read by others, of every size", ["zbarimg"], async () => {
  await using scratch = await createScratch("qr");
  const lengths = [1, 17, 18, 100, 154, 155, 230, 231, 271, 272, 500, 700, 1000, 1400, 1700, 2300, 2953];
  for (const length of lengths) {
    const text = "[Peer]\nPublicKey = ".repeat(200).slice(0, length - 1) + "!";
    const code = encodeQr(text);
    assert(code !== undefined);
    const path = `${scratch.path}/${length}.pbm`;
    await Deno.writeTextFile(path, portableBitmap(code));
    const read = await expectRun(["zbarimg", "--quiet", "--raw", "--nodbus", path]);
    assert.equal(read.trimEnd(), text, `${length} bytes`);
  }
});

/** Four pixels a module, with the quiet zone. */
function portableBitmap(code: QrCode): string {
  const pixels = (code.size + 8) * 4;
  const rows: string[] = [];
  for (let y = 0; y < pixels; y++) {
    let row = "";
    for (let x = 0; x < pixels; x++) {
      const [mx, my] = [(x >> 2) - 4, (y >> 2) - 4];
      const isInside = mx >= 0 && my >= 0 && mx < code.size && my < code.size;
      row += isInside && code.isDark(mx, my) ? "1" : "0";
    }
    rows.push(row);
  }
  return `P1\n${pixels} ${pixels}\n${rows.join("\n")}\n`;
}
