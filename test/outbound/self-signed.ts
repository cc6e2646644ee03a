import { createPrivateKey } from 'node:crypto';

/** A certificate for localhost that nobody vouches for, good until 2126, with its key: made for these tests, worth nothing. */
const key =
  'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgf2aBPW9361UiSGMQqGu7n99nzkNnJyzvftXU/rjRdDqhRANCAATrjvE9wb83B4Z8rBylTpWKDVqhygIqziYaIWeN+XPhn1tmBHJvJFUXfBwNlKwQjgsM3pkUVgo5cu+z9DZ50mzQ';
const signed =
  'MIIBljCCATugAwIBAgIUOAfv8lrS9wmaMo65F9ZTEVCYQuUwCgYIKoZIzj0EAwIwFDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjIwMzUzN1oYDzIxMjYxMDI5MjAzNTM3WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATrjvE9wb83B4Z8rBylTpWKDVqhygIqziYaIWeN+XPhn1tmBHJvJFUXfBwNlKwQjgsM3pkUVgo5cu+z9DZ50mzQo2kwZzAdBgNVHQ4EFgQUWpBXwuUzwADbEWQz10ACjC2yK5QwHwYDVR0jBBgwFoAUWpBXwuUzwADbEWQz10ACjC2yK5QwDwYDVR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwIDSQAwRgIhAMC/bJlHJQqjnbIbP1FnzJB4LS20XTbZchbi6yd4gbqLAiEAs+dReMf3y4CIB0n4/W8M4sZbXu+dcVjtfMlE+3+ObA8=';

export const privateKey = createPrivateKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'pkcs8' }).export({
  format: 'pem',
  type: 'pkcs8',
});
export const certificate = `-----BEGIN CERTIFICATE-----\n${signed}\n-----END CERTIFICATE-----\n`;
