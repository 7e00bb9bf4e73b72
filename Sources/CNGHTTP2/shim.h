// nghttp2: HTTP/2 frames, header compression, flow control. <https://nghttp2.org/documentation/>

#ifndef BYRE_CNGHTTP2_SHIM_H
#define BYRE_CNGHTTP2_SHIM_H

#include <nghttp2/nghttp2.h>

// `nghttp2_frame` is a union, and Swift reads its members only by copying all of it. These read one
// field in place.

static inline const nghttp2_frame_hd *byre_frame_header(const nghttp2_frame *frame) {
    return &frame->hd;
}

static inline uint32_t byre_rst_stream_error(const nghttp2_frame *frame) {
    return frame->rst_stream.error_code;
}

static inline const uint8_t *byre_ping_data(const nghttp2_frame *frame) {
    return frame->ping.opaque_data;
}

static inline uint32_t byre_goaway_error(const nghttp2_frame *frame) {
    return frame->goaway.error_code;
}

static inline int32_t byre_goaway_last_stream(const nghttp2_frame *frame) {
    return frame->goaway.last_stream_id;
}

static inline int byre_headers_category(const nghttp2_frame *frame) {
    return (int)frame->headers.cat;
}

#endif
