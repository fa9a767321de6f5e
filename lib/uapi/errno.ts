/**
 * How a request of the userspace API ended.
 * @module
 */

/** The numbers of asm-generic/errno.h that answers carry, negative as on the wire; 0 is success. */
export const UAPI_ERRNO = {
  NONE: 0,
  EPERM: -1,
  EIO: -5,
  EINVAL: -22,
  EPROTO: -71,
  EOPNOTSUPP: -95,
  EADDRINUSE: -98,
} as const;

/** One of them. */
export type UapiErrno = typeof UAPI_ERRNO[keyof typeof UAPI_ERRNO];
