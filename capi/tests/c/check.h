/* What the test programs share. They are compiled as C99 and as C++17. */
#ifndef CHECK_H
#define CHECK_H

#include "must.h"

#include <threadle.h>

static inline void fail_with(threadle_error_t* error, int line) {
  wasm_name_t message;
  threadle_error_message(error, &message);
  fprintf(stderr, "line %d: %.*s\n", line, (int)message.size, message.data);
  exit(1);
}

#define OK(call) \
  do { \
    threadle_error_t* error_ = (call); \
    if (error_ != NULL) fail_with(error_, __LINE__); \
  } while (0)

/* Does a vector of bytes hold this text? */
static inline bool is_text(const wasm_byte_vec_t* bytes, const char* text) {
  return bytes->size == strlen(text) && (bytes->size == 0 || memcmp(bytes->data, text, bytes->size) == 0);
}

static inline bool contains(const wasm_byte_vec_t* bytes, const char* text) {
  size_t length = strlen(text), i;
  for (i = 0; i + length <= bytes->size; i++) {
    if (memcmp(bytes->data + i, text, length) == 0) return true;
  }
  return false;
}

static inline void wat(const char* text, wasm_byte_vec_t* out) {
  OK(threadle_wat2wasm(text, strlen(text), out));
}

static inline wasm_module_t* module_of(wasm_store_t* store, const char* text) {
  wasm_byte_vec_t binary;
  wasm_module_t* module;
  wat(text, &binary);
  module = wasm_module_new(store, &binary);
  CHECK(module != NULL);
  wasm_byte_vec_delete(&binary);
  return module;
}

static inline wasm_val_t i32(int32_t value) {
  wasm_val_t val;
  val.kind = WASM_I32;
  val.of.i32 = value;
  return val;
}

static inline wasm_val_t i64(int64_t value) {
  wasm_val_t val;
  val.kind = WASM_I64;
  val.of.i64 = value;
  return val;
}

static inline wasm_val_t reference(wasm_valkind_t kind, wasm_ref_t* ref) {
  wasm_val_t val;
  val.kind = kind;
  val.of.ref = ref;
  return val;
}

static inline wasm_val_vec_t vals(wasm_val_t* data, size_t size) {
  wasm_val_vec_t vec;
  vec.size = size;
  vec.data = data;
  return vec;
}

/* An instance of a module without its own reference to it. */
static inline wasm_instance_t* instance_of(
  wasm_store_t* store, const char* text, wasm_extern_t** imports, size_t count
) {
  wasm_module_t* module = module_of(store, text);
  wasm_extern_vec_t vec;
  wasm_trap_t* trap = NULL;
  wasm_instance_t* instance;
  vec.size = count;
  vec.data = imports;
  instance = wasm_instance_new(store, module, &vec, &trap);
  if (instance == NULL) {
    wasm_message_t message;
    wasm_trap_message(trap, &message);
    fprintf(stderr, "%s\n", message.data);
    exit(1);
  }
  CHECK(trap == NULL);
  wasm_module_delete(module);
  return instance;
}

/* ---- threadle.h ---- */

static inline threadle_module_t* compile(wasm_engine_t* engine, const char* text) {
  wasm_byte_vec_t binary;
  threadle_module_t* module;
  wat(text, &binary);
  OK(threadle_module_new(engine, (const uint8_t*)binary.data, binary.size, &module));
  wasm_byte_vec_delete(&binary);
  return module;
}

static inline threadle_val_t val_i32(int32_t value) {
  threadle_val_t val;
  val.kind = THREADLE_I32;
  val.of.i32 = value;
  return val;
}

static inline threadle_extern_t export_of(
  threadle_context_t* context, const threadle_instance_t* instance, const char* name
) {
  threadle_extern_t item;
  CHECK(threadle_instance_export_get(context, instance, name, strlen(name), &item));
  return item;
}

/* Does a call that has to fail say this? Deletes the error. */
static inline bool says(threadle_error_t* error, const char* text) {
  wasm_name_t message;
  bool found;
  CHECK(error != NULL);
  threadle_error_message(error, &message);
  found = contains(&message, text);
  if (!found) fprintf(stderr, "the message is: %.*s\n", (int)message.size, message.data);
  wasm_name_delete(&message);
  threadle_error_delete(error);
  return found;
}

/* Messages end with a null character. */
static inline bool trap_says(const wasm_trap_t* trap, const char* text) {
  wasm_message_t message;
  bool found;
  CHECK(trap != NULL);
  wasm_trap_message(trap, &message);
  CHECK(message.size > 0 && message.data[message.size - 1] == 0);
  found = contains(&message, text);
  if (!found) fprintf(stderr, "the message is: %s\n", message.data);
  wasm_message_t* out = &message;
  wasm_byte_vec_delete(out);
  return found;
}

#endif
