/// Certificates for tests only, valid for a hundred years; the authorities' keys were thrown away.
enum TestCertificates {
    static let authority = """
        -----BEGIN CERTIFICATE-----
        MIIBlzCCAT2gAwIBAgIUDHOmktg1Ek8Kd96Br7Q6vyWjS4kwCgYIKoZIzj0EAwIw
        IDEeMBwGA1UEAwwVcHVuaWNhIHRlc3QgYXV0aG9yaXR5MCAXDTI2MTEyODIyNDUw
        OVoYDzIxMjYxMTA0MjI0NTA5WjAgMR4wHAYDVQQDDBVwdW5pY2EgdGVzdCBhdXRo
        b3JpdHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAT98QsAzIop0ZJCiBV7NYut
        GicjV1udMSTYszvpLBTB4flClYBJADY2BXiaXB8de7D2yeiW6tudtHHCf1Fslxi6
        o1MwUTAdBgNVHQ4EFgQUCGn4wXBVAKiMSrQ/50IeZp85RAwwHwYDVR0jBBgwFoAU
        CGn4wXBVAKiMSrQ/50IeZp85RAwwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQD
        AgNIADBFAiEAoLs+bdkMtnGh+NUU29nFPG5eFbuSXVqgZtzeDulqcCECIAJzhJb0
        Bza2dUsjD2y9P/QYnhk8yCHOwyfopizxr/Ro
        -----END CERTIFICATE-----
        """

    /// For 127.0.0.1, signed by the authority.
    static let server = """
        -----BEGIN CERTIFICATE-----
        MIIBljCCAT2gAwIBAgIUeUFrdFHGCP4SbAznQs7mudAojGkwCgYIKoZIzj0EAwIw
        IDEeMBwGA1UEAwwVcHVuaWNhIHRlc3QgYXV0aG9yaXR5MCAXDTI2MTEyODIyNDUw
        OVoYDzIxMjYxMTA0MjI0NTA5WjAVMRMwEQYDVQQDDAprdWJlcm5ldGVzMFkwEwYH
        KoZIzj0CAQYIKoZIzj0DAQcDQgAEn15d5SCd4u2Hx5q4b2q2yY6Pg3LLAGCkgMv1
        Y8gfW9osiMEkIgtHMLmaFZmz/DJLC5NKr1m8Y2bIbWk8d9TBUaNeMFwwDwYDVR0R
        BAgwBocEfwAAATAJBgNVHRMEAjAAMB0GA1UdDgQWBBT2wTnRHYEgWcIXqxGILc0s
        c4DzwDAfBgNVHSMEGDAWgBQIafjBcFUAqIxKtD/nQh5mnzlEDDAKBggqhkjOPQQD
        AgNHADBEAiArda44bafjskWSgKyoX6+Um299X2yUc6pNZlr4FRzUtAIgCwzqcnvF
        fakl8IvfMqNAVkbk63cHATtFiN7ef3FxeSU=
        -----END CERTIFICATE-----
        """

    static let serverKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgbPUkcuyLRHj4rlGl
        IvwvOUmYrUWa/pCNcWfaHe7iE/+hRANCAASfXl3lIJ3i7YfHmrhvarbJjo+DcssA
        YKSAy/VjyB9b2iyIwSQiC0cwuZoVmbP8MksLk0qvWbxjZshtaTx31MFR
        -----END PRIVATE KEY-----
        """

    /// Has signed nothing.
    static let otherAuthority = """
        -----BEGIN CERTIFICATE-----
        MIIBjjCCATWgAwIBAgIUM0CC8yhCW1GAipreg0iRWZG3jokwCgYIKoZIzj0EAwIw
        HDEaMBgGA1UEAwwRYW5vdGhlciBhdXRob3JpdHkwIBcNMjYxMTI4MjI0NTEwWhgP
        MjEyNjExMDQyMjQ1MTBaMBwxGjAYBgNVBAMMEWFub3RoZXIgYXV0aG9yaXR5MFkw
        EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1tUJ+bBmmHQpUp5p9Wh8eZWZYvr0J5Gx
        Wl/D3pYLxwRbXpdgmUm5nLs2zwzYUCy8CrVcdZJM0mVigKikDkAosaNTMFEwHQYD
        VR0OBBYEFBnkWuwx21lFwRRlXwcpVZdc2KESMB8GA1UdIwQYMBaAFBnkWuwx21lF
        wRRlXwcpVZdc2KESMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIg
        R8wzrU9eayKPBD+vedo6vVjjvxosKwHJtb98SWOBSu4CID6cFQgan59yRaV6vC9k
        EdIdW8o7CwWG8RlLLtB80hPu
        -----END CERTIFICATE-----
        """
}
