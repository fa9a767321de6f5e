/**
 * Who gets which overlay address. It owns the pool of one block; it never touches an interface, and what it
 * remembers is stored by whoever asks it to.
 * @module
 */

export * from "./ip_allocator.ts";
