#ifndef KJASYNC_TEST_NOBODY_H
#define KJASYNC_TEST_NOBODY_H

/* Of nobody; it has only to be readable. */
#define CERTIFICATE_OF_NOBODY \
    "-----BEGIN CERTIFICATE-----\n" \
    "MIIBhjCCASygAwIBAgIUPJhKUaCOGS0Kw+rTXo4RQ6jd9PMwCgYIKoZIzj0EAwIw\n" \
    "ETEPMA0GA1UEAwwGaGFuZGxlMCAXDTI2MTEyODAzMDQxMloYDzIxMjYxMTA0MDMw\n" \
    "NDEyWjARMQ8wDQYDVQQDDAZoYW5kbGUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n" \
    "AASG9bvHWoEWY1n/9Fv7kZhvrERvO4e4jhu0Lp1YfghPyHe9A/kWgzrh1CcDDClB\n" \
    "GmXynMsXVH632at8ybubd55Wo2AwXjAdBgNVHQ4EFgQUI/ghWTinOy52RdnSUEVk\n" \
    "Kg7alWIwHwYDVR0jBBgwFoAUI/ghWTinOy52RdnSUEVkKg7alWIwEQYDVR0RBAow\n" \
    "CIIGaGFuZGxlMAkGA1UdEwQCMAAwCgYIKoZIzj0EAwIDSAAwRQIhAKrohB9wPsPT\n" \
    "BRZVKzmRHU9nn7u9aBkO390DhIPtUvwtAiBW7yve+pcOwIzyvnzZuDUVKnIJFVkd\n" \
    "I15ypQKqff66oA==\n" \
    "-----END CERTIFICATE-----\n"
#define KEY_OF_NOBODY \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg3WKGBP/b8AS3YlcQ\n" \
    "xs6whc9lGwBnu2UWY5T2qpgj4SChRANCAASG9bvHWoEWY1n/9Fv7kZhvrERvO4e4\n" \
    "jhu0Lp1YfghPyHe9A/kWgzrh1CcDDClBGmXynMsXVH632at8ybubd55W\n" \
    "-----END PRIVATE KEY-----\n"

#endif
