// OpenSSL 3 for Swift. Swift sees functions, types and plain numbers of the headers below; what
// they offer as macros over functions, casts or variadics has one inline function each here.

#ifndef COPENSSL_SHIM_H
#define COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

// Contexts: macros over `SSL_CTX_ctrl`.

static inline long byre_SSL_CTX_set_mode(SSL_CTX *context, long mode) {
    return SSL_CTX_set_mode(context, mode);
}

static inline int byre_SSL_CTX_set_min_proto_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}

static inline int byre_SSL_CTX_set_max_proto_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_max_proto_version(context, version);
}

static inline long byre_SSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode) {
    return SSL_CTX_set_session_cache_mode(context, mode);
}

static inline long byre_SSL_CTX_set_max_cert_list(SSL_CTX *context, long bytes) {
    return SSL_CTX_set_max_cert_list(context, bytes);
}

static inline int byre_SSL_CTX_add1_chain_cert(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

// Connections: a macro over `SSL_ctrl`.

static inline int byre_SSL_set_tlsext_host_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

// Options are shifts with a cast (`SSL_OP_BIT`), which Swift does not import.

static const uint64_t byre_SSL_OP_NO_RENEGOTIATION = SSL_OP_NO_RENEGOTIATION;
static const uint64_t byre_SSL_OP_NO_TICKET = SSL_OP_NO_TICKET;
static const uint64_t byre_SSL_OP_NO_COMPRESSION = SSL_OP_NO_COMPRESSION;
static const uint64_t byre_SSL_OP_CIPHER_SERVER_PREFERENCE = SSL_OP_CIPHER_SERVER_PREFERENCE;
static const uint64_t byre_SSL_OP_PRIORITIZE_CHACHA = SSL_OP_PRIORITIZE_CHACHA;

// Flags of a BIO: macros over `BIO_set_flags`, `BIO_clear_flags` and `BIO_ctrl`.

static inline void byre_BIO_set_retry_read(BIO *bio) {
    BIO_set_retry_read(bio);
}

static inline void byre_BIO_clear_retry_flags(BIO *bio) {
    BIO_clear_retry_flags(bio);
}

static inline long byre_BIO_get_mem_data(BIO *bio, char **bytes) {
    return BIO_get_mem_data(bio, bytes);
}

// Typed stacks: macros that cast around `OPENSSL_sk_*`.

static inline int byre_sk_X509_num(const STACK_OF(X509) *stack) {
    return sk_X509_num(stack);
}

static inline X509 *byre_sk_X509_value(const STACK_OF(X509) *stack, int index) {
    return sk_X509_value(stack, index);
}

static inline int byre_sk_GENERAL_NAME_num(const GENERAL_NAMES *stack) {
    return sk_GENERAL_NAME_num(stack);
}

static inline GENERAL_NAME *byre_sk_GENERAL_NAME_value(const GENERAL_NAMES *stack, int index) {
    return sk_GENERAL_NAME_value(stack, index);
}

static inline int byre_sk_GENERAL_NAME_push(GENERAL_NAMES *stack, GENERAL_NAME *name) {
    return sk_GENERAL_NAME_push(stack, name);
}

// The subject alternative names of a certificate: the function returns an untyped pointer.
static inline GENERAL_NAMES *byre_X509_get_subject_alt_name(const X509 *certificate) {
    return (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}

// RFC 2253's form of a name, with letters beyond ASCII left as they are, in UTF-8: flags that are
// unsigned expressions, which Swift does not import.
static const unsigned long byre_name_format = XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB;

// A macro that adds file and line.
static inline void byre_OPENSSL_free(void *memory) {
    OPENSSL_free(memory);
}

// A new P-256 key: a macro over the variadic `EVP_PKEY_Q_keygen`.
static inline EVP_PKEY *byre_EVP_EC_gen_P256(void) {
    return EVP_EC_gen("P-256");
}

// A new RSA key: the same.
static inline EVP_PKEY *byre_EVP_RSA_gen(long bits) {
    return EVP_RSA_gen(bits);
}

#endif
