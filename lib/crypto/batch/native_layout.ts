/**
 * What the native cipher and its host agree on: where machine code begins, and where its context keeps what. The host
 * fills in the first words before a call, the code wipes the key and everything from `SCRATCH` on before it returns.
 *
 *     context   0  key, 32 bytes                     64  how many messages
 *              32  first word of all nonces          72  sealing: where the first message begins
 *              40  counter, 64 bits                  80           how long each is but the last, all side by side
 *              48  address of the cipher's memory    88           how long the last one is
 *              56  how long that is                  96  how many were sealed, or were authentic
 *             128  scratch, as `scripts/cipher/native/context.ts` divides it
 *
 * Every message is a transport message (WireGuard paper §5.4.6): 16 bytes of header, text, 16 bytes of tag, in place.
 * Those that are opened stand in the cipher's tables (`CIPHER_LAYOUT`); the counter is added to theirs.
 *
 * @module
 */

/** Offsets into the context. */
export const NATIVE_CONTEXT = {
  KEY: 0,
  NONCE_PREFIX: 32,
  COUNTER: 40,
  MEMORY: 48,
  MEMORY_BYTES: 56,
  COUNT: 64,
  FIRST_AT: 72,
  MESSAGE_BYTES: 80,
  LAST_BYTES: 88,
  DONE: 96,
  SCRATCH: 128,
} as const;

/** How much memory a context takes. */
export const NATIVE_CONTEXT_BYTES = 0x4000;

/** Where the code of a tier is entered, with the context's address in rdi (System V ABI §3.2.3). */
export const NATIVE_ENTRY = { SEAL: 0, OPEN: 16 } as const;
