//! libseccomp(3), loaded when there is a filter to compile: once per boot and profile. Were it linked, every start would
//! load it.

// A C library without a crate that can load it late.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::AsRawFd;
use std::ptr::NonNull;

use libloading::Library;
use rustix::fs::{MemfdFlags, memfd_create};

/// The library's ABI since version 2.0; the optimization below needs 2.5.
const SONAME: &str = "libseccomp.so.2";

/// `SCMP_FLTATR_CTL_OPTIMIZE`: how rules are arranged (seccomp_attr_set(3)).
const OPTIMIZE: c_uint = 8;

/// A binary tree of system call numbers instead of a chain of comparisons.
const BINARY_TREE: u32 = 2;

/// A comparison with an argument of a system call: `struct scmp_arg_cmp` of seccomp_rule_add(3).
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// The argument's number, from 0.
    pub argument: c_uint,
    /// `enum scmp_compare`.
    pub operator: c_int,
    /// What is compared with; the mask of a masked comparison.
    pub datum: u64,
    /// The second value of a masked comparison.
    pub second_datum: u64,
}

/// The functions that are used, as seccomp.h declares them.
struct Functions {
    release: unsafe extern "C" fn(*mut c_void),
    add_architecture: unsafe extern "C" fn(*mut c_void, u32) -> c_int,
    resolve_architecture: unsafe extern "C" fn(*const c_char) -> u32,
    resolve_system_call: unsafe extern "C" fn(*const c_char) -> c_int,
    add_rule: unsafe extern "C" fn(*mut c_void, u32, c_int, c_uint, *const Comparison) -> c_int,
    export: unsafe extern "C" fn(*mut c_void, c_int) -> c_int,
    /// Keeps the functions where they are.
    _library: Library,
}

/// A filter in the making.
pub struct Filter {
    functions: Functions,
    context: NonNull<c_void>,
}

impl Filter {
    /// An empty filter, in which no rule answers but `default_action`.
    ///
    /// # Errors
    /// The library is not installed or too old.
    pub fn new(default_action: u32) -> io::Result<Self> {
        // SAFETY: the library's initialization does nothing but start up; the types are those of seccomp.h, an ABI that
        // the name of the library stands for.
        let (functions, context, arranged) = unsafe {
            let library = Library::new(SONAME).map_err(io::Error::other)?;
            let init: unsafe extern "C" fn(u32) -> *mut c_void = find(&library, c"seccomp_init")?;
            let set: unsafe extern "C" fn(*mut c_void, c_uint, u32) -> c_int = find(&library, c"seccomp_attr_set")?;
            let functions = Functions {
                release: find(&library, c"seccomp_release")?,
                add_architecture: find(&library, c"seccomp_arch_add")?,
                resolve_architecture: find(&library, c"seccomp_arch_resolve_name")?,
                resolve_system_call: find(&library, c"seccomp_syscall_resolve_name")?,
                add_rule: find(&library, c"seccomp_rule_add_array")?,
                export: find(&library, c"seccomp_export_bpf")?,
                _library: library,
            };
            let context = NonNull::new(init(default_action)).ok_or(io::ErrorKind::OutOfMemory)?;
            (functions, context, set(context.as_ptr(), OPTIMIZE, BINARY_TREE))
        };
        let filter = Self { functions, context };
        checked(arranged).map(|()| filter)
    }

    /// Filters the calls of an architecture's programs too, `x86` for example. One that is there already is fine.
    ///
    /// # Errors
    /// The library does not know it.
    pub fn add_architecture(&mut self, name: &CStr) -> io::Result<()> {
        // SAFETY: the string ends with a NUL; the context is valid until it is dropped.
        let status = unsafe {
            let token = (self.functions.resolve_architecture)(name.as_ptr());
            (self.functions.add_architecture)(self.context.as_ptr(), token)
        };
        if status == -libc::EEXIST {
            Ok(())
        } else {
            checked(status)
        }
    }

    /// Answers a system call with an action if all comparisons are true. A name that the library does not know is left out.
    ///
    /// # Errors
    /// The rule contradicts another one.
    pub fn add_rule(&mut self, action: u32, name: &CStr, comparisons: &[Comparison]) -> io::Result<()> {
        let count = c_uint::try_from(comparisons.len()).map_err(io::Error::other)?;
        // SAFETY: as above; `count` is the number of comparisons behind the pointer.
        let status = unsafe {
            match (self.functions.resolve_system_call)(name.as_ptr()) {
                UNKNOWN => 0,
                number => (self.functions.add_rule)(self.context.as_ptr(), action, number, count, comparisons.as_ptr()),
            }
        };
        checked(status)
    }

    /// The filter as the kernel takes it: an array of `struct sock_filter`.
    ///
    /// # Errors
    /// It becomes too long, or there is no memory.
    pub fn export(&self) -> io::Result<Vec<u8>> {
        let mut file = File::from(memfd_create("seccomp", MemfdFlags::CLOEXEC)?);
        // SAFETY: the context and the descriptor are valid.
        checked(unsafe { (self.functions.export)(self.context.as_ptr(), file.as_raw_fd()) })?;
        let mut code = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut code)?;
        Ok(code)
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        // SAFETY: nothing uses the context afterwards.
        unsafe { (self.functions.release)(self.context.as_ptr()) }
    }
}

/// `__NR_SCMP_ERROR`.
const UNKNOWN: c_int = -1;

/// # Safety
/// `F` must be the function's type.
unsafe fn find<F: Copy>(library: &Library, name: &CStr) -> io::Result<F> {
    // SAFETY: the caller's.
    unsafe { library.get::<F>(name.to_bytes_with_nul()) }
        .map(|function| *function)
        .map_err(io::Error::other)
}

/// The library's functions return 0 or a negated errno.
fn checked(status: c_int) -> io::Result<()> {
    if status == 0 {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(-status))
    }
}
