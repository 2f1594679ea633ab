/**
 * \file wasi.h
 *
 * \brief What a program is given through WASI (preview 1). A new configuration grants nothing: no
 * arguments, no environment, empty input, outputs that go nowhere, no files.
 *
 * Functions that return `bool` return `false` if what was asked for cannot be had, and change nothing
 * then. Strings end with a null character and are UTF-8; they are copied.
 */

#ifndef WASI_H
#define WASI_H

#include <wasm.h>

#ifndef WASI_API_EXTERN
#define WASI_API_EXTERN WASM_API_EXTERN
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Owned by whoever made it, until `threadle_context_set_wasi` takes it. */
typedef struct wasi_config_t wasi_config_t;

WASI_API_EXTERN wasi_config_t* wasi_config_new(void);
WASI_API_EXTERN void wasi_config_delete(wasi_config_t* config);

/** Appends arguments; the first is by custom the program's name. */
WASI_API_EXTERN bool wasi_config_set_argv(wasi_config_t* config, size_t argc, const char* argv[]);
WASI_API_EXTERN void wasi_config_inherit_argv(wasi_config_t* config);

WASI_API_EXTERN bool wasi_config_set_env(
  wasi_config_t* config, size_t envc, const char* names[], const char* values[]);
WASI_API_EXTERN void wasi_config_inherit_env(wasi_config_t* config);

WASI_API_EXTERN bool wasi_config_set_stdin_file(wasi_config_t* config, const char* path);
/** Takes the bytes over: the vector is empty afterwards. */
WASI_API_EXTERN void wasi_config_set_stdin_bytes(wasi_config_t* config, wasm_byte_vec_t* binary);
WASI_API_EXTERN void wasi_config_inherit_stdin(wasi_config_t* config);

/**
 * Takes what a program writes. Returns how many of the bytes it took, or the negative of a system
 * error number. The finalizer is called when the program closes the stream, or with the store.
 */
typedef ptrdiff_t (*wasi_write_callback_t)(void* data, const unsigned char* bytes, size_t size);

/** Files are made, or emptied if they are there. */
WASI_API_EXTERN bool wasi_config_set_stdout_file(wasi_config_t* config, const char* path);
WASI_API_EXTERN void wasi_config_inherit_stdout(wasi_config_t* config);
WASI_API_EXTERN void wasi_config_set_stdout_custom(
  wasi_config_t* config, wasi_write_callback_t callback, void* data, void (*finalizer)(void*));
WASI_API_EXTERN bool wasi_config_set_stderr_file(wasi_config_t* config, const char* path);
WASI_API_EXTERN void wasi_config_inherit_stderr(wasi_config_t* config);
WASI_API_EXTERN void wasi_config_set_stderr_custom(
  wasi_config_t* config, wasi_write_callback_t callback, void* data, void (*finalizer)(void*));

/** Gives the program the directory `host_path` under the name `guest_path`. */
WASI_API_EXTERN bool wasi_config_preopen_dir(
  wasi_config_t* config, const char* host_path, const char* guest_path, bool fs_mutable);

#ifdef __cplusplus
}  /* extern "C" */
#endif

#endif  /* WASI_H */
