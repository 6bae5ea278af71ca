/** 8 characters to be read aloud: none looks like another. */
export const REFERENCE = /^[2-9A-HJ-NP-Z]{8}$/u;

/** What events and answers hold that differs each time, for `toEqual`. */
export const some = {
  reference: expect.stringMatching(REFERENCE) as string,
  /** Of every error but for one about options. */
  message: expect.stringMatching(/\. See express-connect-auth\/docs\/errors\.md#err_connect_[a-z_]+\.$/u) as string,
  instance: expect.stringMatching(/^urn:express-connect-auth:failure:[2-9A-HJ-NP-Z]{8}$/u) as string,
};
